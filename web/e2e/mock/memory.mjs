// What the stand-in's card held at any instant, computed from its ledger: one point a second.

const kSecond_ms = 1000;
const kBefore_ms = 400;
const kMarks = { load_started: 'before_load', load_finished: 'after_load', load_spilled: 'after_load', unload_finished: 'after_unload' };

/** What a model holds at that instant; a load grows evenly from its start to its end. */
function held_at(entries, at_ms, size_mib, load_ms) {
  let held = 0;
  let since = null;
  for (const entry of entries) {
    if (entry.at_ms > at_ms) break;
    since = entry.what === 'load_started' ? entry.at_ms : entry.what === 'unload_started' || entry.what === 'refused' ? since : null;
    if (entry.what === 'load_finished' || entry.what === 'external_load') held = size_mib;
    if (['unload_finished', 'external_unload', 'load_spilled', 'load_failed'].includes(entry.what)) held = 0;
  }
  return since === null ? held : Math.round(size_mib * Math.min(1, (at_ms - since) / load_ms));
}

function instants(ledger, from_ms, until_ms) {
  const all = [];
  for (let at = Math.ceil(from_ms / kSecond_ms) * kSecond_ms; at <= until_ms; at += kSecond_ms) all.push([at, 'regular']);
  for (const entry of ledger) {
    const mark = kMarks[entry.what];
    if (mark === undefined || entry.at_ms < from_ms || entry.at_ms > until_ms) continue;
    all.push([entry.at_ms, mark]);
    if (mark === 'after_unload') all.push([entry.at_ms - kBefore_ms, 'before_unload']);
  }
  return all.sort(([a], [b]) => a - b);
}

export function points_of(world, held_mib, from_ms, until_ms, now) {
  const ledger = [...world.ledger].sort((a, b) => a.at_ms - b.at_ms);
  const models = [...world.models.values()].map((model) => ({ model, entries: ledger.filter((entry) => entry.model === model.id) }));
  const foreign = ledger.filter((entry) => entry.what === 'foreign_memory');
  return instants(ledger, from_ms, until_ms).map(([at, mark]) => {
    const shares = new Map();
    for (const { model, entries } of models) {
      const mib = held_at(entries, at, held_mib(model), (model.load_s * 1000) / (at > world.born_ms ? world.speed : 1));
      if (mib > 0) shares.set(model.backend, (shares.get(model.backend) ?? 0) + mib);
    }
    const backends = [...shares].map(([backend, mib]) => ({ backend, mib })).sort((a, b) => b.mib - a.mib);
    const foreign_mib = foreign.findLast((entry) => entry.at_ms <= at)?.measured_mib ?? 0;
    const used_mib = backends.reduce((sum, one) => sum + one.mib, foreign_mib);
    return { ago_s: Math.round((now - at) / 100) / 10, mark, used_mib, foreign_mib, backends };
  });
}
