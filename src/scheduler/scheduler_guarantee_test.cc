// What nobody has to fear: bounds on waiting that hold against any stream of work, with the numbers of the policy.
#include <gtest/gtest.h>

#include <memory>

#include "base/random.h"
#include "scheduler/machine_for_tests.h"

namespace stoker::scheduler {
namespace {

constexpr std::uint32_t kA = 1;
constexpr std::uint32_t kB = 2;

// ── nobody starves ───────────────────────────────────────────────────────────────────────────────

// Instance I8: an endless stream of steps for A, each a little longer than the time to the next, and one step for B.
Duration wait_behind_an_endless_stream(std::int64_t overdue_loads) {
  Policy policy;
  policy.overdue_loads = overdue_loads;
  policy.generation_patience_assumed = minutes(1000);  // the loads alone decide
  MachineForTests machine(QuoteMode::off, policy);
  machine.add_device(1);
  machine.add_backend(1);
  machine.set_independent_speeds();
  machine.add_model(kA, 1, seconds(10), seconds(5));
  machine.add_model(kB, 1, seconds(10), seconds(5));
  machine.make_resident(kA);
  const std::int64_t arrivals = overdue_loads * 10 / 4 + 20;
  for (std::int64_t i = 0; i < arrivals; ++i) {
    machine.at(seconds(4 * i), [&machine, i] {
      machine.submit(static_cast<std::uint64_t>(100 + i), kA, seconds(5));
    });
  }
  JobId patient;
  machine.at(seconds(1), [&] { patient = machine.submit(1, kB, seconds(5)); });
  machine.play();
  return machine.flow(patient);
}

TEST(SchedulerGuarantee, BehindAnEndlessStreamTheWaitIsTheLimitAndOneExchange) {
  // Overdue after so many loads of 10 s, seen at the next arrival; then 1 s of drain, the load, and its own 5 s.
  EXPECT_EQ(wait_behind_an_endless_stream(20), seconds(219));
}

TEST(SchedulerGuarantee, TheWaitFollowsTheLimit) {
  for (const std::int64_t loads : {6, 10, 40, 100})
    EXPECT_EQ(wait_behind_an_endless_stream(loads), seconds(10 * loads + 19)) << loads;
}

// People who ask again as soon as they are served: some always for the first model, which is there, some for any.
struct Stream {
  std::int64_t models = 3;
  std::int64_t fit = 1;  // so many of them fit at a time
  std::int64_t people = 6;
  std::int64_t loyal = 4;  // to the first model
  Duration load_min = seconds(3);
  Duration load_max = seconds(12);
  Duration work_min = seconds(4);
  Duration work_max = seconds(9);
  Duration unload = milliseconds(500);
};

// How long a step can wait, whatever the others do: one backend with one slot, models of one size, nothing fails, every
// person has one step open, and models are neither home nor misfits. Let step j of model m be released.
// 1  After the overdue limit and at most one exchange that is under way, m is overdue and seen to be. From then on
//    nothing but overdue models is loaded, those with the oldest steps first.
// 2  A turn: the next overdue model waits until one of the `fit` models in its way has no queue or had its quantum. All
//    work counts for one of their quanta, so that takes at most all quanta, each with a step that goes beyond. Then
//    comes the exchange: the step that runs, unload and load.
// 3  Models go before m only while they have steps older than j, and m itself may have some before j. There are less
//    than `people` such steps. A turn serves its model for a quantum, oldest steps first, or until nobody waits for it.
//    So each model takes one turn, and another for so many older steps as fit into a quantum.
// 4  In the last turn less than `people` steps go before j.
Duration waiting_bound(const Stream& stream, Duration load, const Policy& policy) {
  const Duration exchange = stream.work_max + stream.unload + stream.load_max;
  const Duration quantum = stream.load_max * policy.quantum_loads + stream.work_max;
  const Duration turn = quantum * stream.fit + exchange;
  const std::int64_t least_steps =
      1 + (stream.load_min.us * policy.quantum_loads - 1) / stream.work_max.us;
  const std::int64_t turns = stream.models + (stream.people - 1) / least_steps;
  return load * policy.overdue_loads + exchange + turn * turns + stream.work_max * stream.people;
}

class StreamForTests {
 public:
  StreamForTests(const Stream& stream, std::uint64_t seed, const Policy& policy)
      : machine(QuoteMode::off, policy), stream_(stream), random_(seed) {
    machine.unload_time = stream.unload;
    machine.add_device(stream.fit);
    machine.add_backend(1);
    machine.set_independent_speeds();
    for (std::uint32_t id = 1; id <= stream.models; ++id) {
      machine.add_model(id, 1, between(stream.load_min, stream.load_max),
                        between(stream.work_min, stream.work_max));
    }
    machine.make_resident(1);
    machine.when_ended = [this](JobId job) { ask(machine.person_of.at(job)); };
    for (std::uint64_t person = 1; person <= static_cast<std::uint64_t>(stream.people); ++person)
      machine.at(between(Duration{}, seconds(5)), [this, person] { ask(person); });
  }

  // The longest wait for any model, as a share of its bound.
  double worst_share(const Policy& policy) const {
    double worst = 0;
    for (std::uint32_t id = 1; id <= stream_.models; ++id) {
      const Duration bound = waiting_bound(stream_, machine.load_time.at(ModelId{id}), policy);
      worst = std::max(worst, machine.longest_wait(ModelId{id}).seconds() / bound.seconds());
    }
    return worst;
  }

  MachineForTests machine;

 private:
  Duration between(Duration low, Duration high) {
    const auto range = static_cast<std::uint64_t>(high.us - low.us + 1);
    return Duration{low.us + static_cast<std::int64_t>(random_.below(range))};
  }
  void ask(std::uint64_t person) {
    const bool loyal = person <= static_cast<std::uint64_t>(stream_.loyal);
    const std::uint64_t model =
        loyal ? 1 : 1 + random_.below(static_cast<std::uint64_t>(stream_.models));
    machine.submit(person, static_cast<std::uint32_t>(model),
                   between(stream_.work_min, stream_.work_max));
  }

  Stream stream_;
  Random random_;
};

Stream some_stream(std::uint64_t seed) {
  Random random(seed * 7919);
  Stream stream;
  stream.models = 2 + static_cast<std::int64_t>(random.below(4));
  stream.fit = 1 + static_cast<std::int64_t>(random.below(2));
  stream.fit = std::min(stream.fit, stream.models - 1);
  stream.people = 4 + static_cast<std::int64_t>(random.below(6));
  stream.loyal = stream.people - 1 - static_cast<std::int64_t>(random.below(3));
  return stream;
}

TEST(SchedulerGuarantee, NobodyWaitsBeyondTheBoundInRandomStreams) {
  const Policy policy;
  int overdue = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    StreamForTests stream(some_stream(seed), seed, policy);
    stream.machine.play(minutes(90));
    EXPECT_LE(stream.worst_share(policy), 1.0) << "seed " << seed;
    for (const Load& load : stream.machine.loads)
      overdue += load.cause.kind == CauseKind::overdue ? 1 : 0;
  }
  EXPECT_GT(overdue, 100) << "the streams must be hard enough to need the guarantee";
}

TEST(SchedulerGuarantee, WithoutItSomebodyWouldWaitForEver) {
  Policy patient;
  patient.overdue_loads = 1'000'000;
  patient.generation_patience_assumed = minutes(100'000);
  StreamForTests stream(Stream{}, 1, patient);
  stream.machine.play(minutes(90));
  EXPECT_GT(stream.worst_share(Policy{}), 1.0) << "these streams starve somebody if nothing helps";
}

TEST(SchedulerGuarantee, AModelThatForeignMemoryKeepsOutHoldsNobodyElseUp) {
  MachineForTests machine(QuoteMode::off);
  machine.add_device(10);
  machine.add_backend(1);
  machine.set_independent_speeds();
  machine.add_model(kA, 5, seconds(10), seconds(5));
  machine.add_model(kB, 5, seconds(10), seconds(5));
  machine.add_model(3, 8, seconds(2), seconds(5));
  machine.make_resident(kA);
  for (std::int64_t i = 0; i < 150; ++i) {
    machine.at(seconds(4 * i), [&machine, i] {
      machine.submit(static_cast<std::uint64_t>(100 + i), kA, seconds(5));
    });
  }
  JobId kept_out;
  JobId patient;
  machine.at(seconds(1), [&] {
    kept_out = machine.submit(1, 3, seconds(5));
    machine.set_foreign(4);
    patient = machine.submit(2, kB, seconds(5));
  });
  machine.at(seconds(500), [&] { machine.set_foreign(0); });
  machine.play();
  EXPECT_EQ(machine.flow(patient), seconds(219)) << "as if the other did not wait";
  EXPECT_GT(machine.flow(kept_out), seconds(499));
  EXPECT_EQ(machine.ended.at(kept_out).state, JobState::done);
}

// ── fairness ─────────────────────────────────────────────────────────────────────────────────────

// Two people whose steps take 5 and 8 s, served one after the other by models that are both there.
class TwoPeople {
 public:
  TwoPeople() : machine(QuoteMode::off) {
    machine.add_device(2);
    machine.add_backend(1);
    machine.set_independent_speeds();
    machine.add_model(kA, 1, seconds(10), seconds(5));
    machine.add_model(kB, 1, seconds(10), seconds(8));
    machine.make_resident(kA);
    machine.make_resident(kB);
    machine.run_workshop({});
  }
  void ask(std::uint64_t person) { ask(person, work_of(person)); }
  void ask(std::uint64_t person, Duration takes) {
    const auto model = static_cast<std::uint32_t>(person);
    const Duration expected = machine.scheduler.state().model(ModelId{model}).run.mean();
    const JobId job = machine.submit(person, model, takes);
    work_[job] = expected;
    asked_[person].push_back(job);
  }
  static Duration work_of(std::uint64_t person) { return person == 1 ? seconds(5) : seconds(8); }

  // Served work that was expected, in the order of the starts, while both have a step waiting.
  //
  // What holds: tags begin at max(now, F) and the smallest goes first. While two people always have a step waiting, the
  // smallest waiting tag t never falls. Let person u have been served n steps of expected work w_i, with tags T_i, and
  // let J(n) be the sum of T_i - (T_i-1 + w_i-1) up to n: how far the clock moved the person's tags ahead of their
  // account. Then T_n <= t <= T_n+1, so the work W served lies between t - T_1 - J(n+1) and t - T_1 - J(n) + w_n:
  //   W_u - W_v <= w_u + (J_v(m+1) - J_u(n)) + (T_v1 - T_u1)
  // So with queues that began together and were never empty of account (J = 0), nobody is ahead by more than one step;
  // what the clock adds is lost by those whose account lies behind it, that is by those who ask for less than a share.
  void expect_fair() const {
    std::map<std::uint64_t, std::size_t> served;
    std::size_t compared = 0;
    for (const MachineForTests::Started& start : machine.starts) {
      const std::uint64_t who = machine.person_of.at(start.job);
      ASSERT_EQ(asked_.at(who)[served[who]], start.job) << "each person's steps in their order";
      ++served[who];
      const bool both_wait = served[1] < asked_.at(1).size() && served[2] < asked_.at(2).size();
      if (!both_wait || served[1] == 0 || served[2] == 0) continue;
      ++compared;
      for (const std::uint64_t u : {1U, 2U}) {
        const Account mine = account(u, served[u]);
        const Account other = account(3 - u, served[3 - u]);
        const Duration ahead = mine.served - other.served;
        EXPECT_LE(ahead,
                  mine.last + (other.jumps_with_next - mine.jumps) + (other.first - mine.first))
            << "at the start of job " << start.job.value;
      }
    }
    EXPECT_GT(compared, 20U);
  }
  Duration served_work(std::uint64_t person) const {
    Duration sum;
    for (const MachineForTests::Started& start : machine.starts) {
      if (machine.person_of.at(start.job) == person) sum += work_of(person);
    }
    return sum;
  }

  MachineForTests machine;

 private:
  struct Account {
    Duration served;
    Duration last;
    Duration jumps;
    Duration jumps_with_next;
    Duration first;  // tag, as time since the beginning
  };
  Account account(std::uint64_t person, std::size_t n) const {
    const std::vector<JobId>& jobs = asked_.at(person);
    Account sum;
    sum.first = Duration{machine.tag_us.at(jobs[0])};
    for (std::size_t i = 0; i <= n; ++i) {
      const Duration jump =
          i == 0 ? Duration{}
                 : Duration{machine.tag_us.at(jobs[i]) - machine.tag_us.at(jobs[i - 1])} -
                       work_.at(jobs[i - 1]);
      sum.jumps_with_next += jump;
      if (i == n) break;
      sum.jumps += jump;
      sum.served += work_.at(jobs[i]);
      sum.last = work_.at(jobs[i]);
    }
    return sum;
  }

  std::map<JobId, Duration> work_;
  std::map<std::uint64_t, std::vector<JobId>> asked_;
};

TEST(SchedulerFairness, WithFullQueuesNobodyIsAheadByMoreThanOneStep) {
  TwoPeople two;
  for (int i = 0; i < 40; ++i) two.ask(1);
  for (int i = 0; i < 40; ++i) two.ask(2);
  two.machine.play(seconds(390));
  two.expect_fair();
  const Duration gap = two.served_work(1) - two.served_work(2);
  EXPECT_LE(gap, seconds(5));
  EXPECT_GE(gap, seconds(-8));
}

TEST(SchedulerFairness, TheGapIsOneStepAndWhatTheClockAllows) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    TwoPeople two;
    Random random(seed);
    two.machine.when_ended = [&](JobId job) {
      two.ask(two.machine.person_of.at(job),
              seconds(static_cast<std::int64_t>(3 + random.below(8))));
    };
    for (const std::uint64_t person : {1U, 2U}) {
      const std::uint64_t open = 3 + random.below(5);
      for (std::uint64_t i = 0; i < open; ++i) two.ask(person);
    }
    two.machine.play(minutes(20));
    two.expect_fair();
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
  }
}

TEST(SchedulerFairness, PeopleWithOneStepEachAreServedInTurn) {
  MachineForTests machine(QuoteMode::off);
  machine.add_device(1);
  machine.add_backend(1);
  machine.set_independent_speeds();
  machine.add_model(kA, 1, seconds(10), seconds(5));
  machine.make_resident(kA);
  machine.when_ended = [&](JobId job) {
    machine.submit(machine.person_of.at(job), kA, seconds(5));
  };
  for (std::uint64_t person = 1; person <= 7; ++person) machine.submit(person, kA, seconds(5));
  machine.play(minutes(30));
  std::map<std::uint64_t, int> served;
  for (const MachineForTests::Started& start : machine.starts)
    ++served[machine.person_of.at(start.job)];
  const auto [least, most] =
      std::minmax_element(served.begin(), served.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; });
  EXPECT_GT(least->second, 50);
  EXPECT_LE(most->second - least->second, 1);
}

TEST(SchedulerFairness, AShareIsAtMostTheShareOfOpenSteps) {
  TwoPeople two;
  two.machine.when_ended = [&](JobId job) { two.ask(two.machine.person_of.at(job)); };
  for (int i = 0; i < 3; ++i) two.ask(1);
  two.ask(2);
  two.machine.play(minutes(60));
  const auto steps_of = [&](std::uint64_t person) {
    return std::ranges::count_if(two.machine.starts, [&](const auto& start) {
      return two.machine.person_of.at(start.job) == person;
    });
  };
  EXPECT_GT(steps_of(2), 100);
  EXPECT_LE(steps_of(1), 3 * steps_of(2) + 3);
}

TEST(SchedulerFairness, ANewcomerWaitsForOneStepOfAHoarder) {
  for (std::int64_t arrives = 1; arrives < 190; arrives += 7) {
    TwoPeople two;
    for (int i = 0; i < 40; ++i) two.ask(1);
    two.machine.at(seconds(arrives), [&] { two.ask(2); });
    two.machine.play();
    EXPECT_LE(two.machine.longest_wait(ModelId{kB}), seconds(5)) << "arrived at " << arrives;
  }
}

// ── texts ────────────────────────────────────────────────────────────────────────────────────────

constexpr std::uint32_t kText = 7;

// Three people whose pictures follow one another without a pause, and others who write beside them.
class TextsBesidePictures {
 public:
  TextsBesidePictures(std::uint64_t seed, std::uint32_t slots)
      : machine(QuoteMode::off), random_(seed) {
    machine.add_device(10);
    machine.add_backend(1);
    machine.add_backend(2, slots);
    machine.set_speeds(DeviceSpeeds{DeviceId{1}});
    machine.add_model(kA, 5, seconds(10), seconds(15));
    machine.add_text_model(kText, 5, seconds(10), seconds(4), 2);
    machine.make_resident(kA);
    machine.make_resident(kText);
    machine.when_ended = [this](JobId job) { ask_later(machine.person_of.at(job)); };
    for (std::uint64_t person = 1; person <= 8; ++person) ask_later(person);
  }
  MachineForTests machine;

 private:
  void ask_later(std::uint64_t person) {
    const Duration pause =
        person <= 4 ? Duration{} : milliseconds(static_cast<std::int64_t>(random_.below(40'000)));
    machine.in(pause, [this, person] {
      if (person <= 4) {
        machine.submit(person, kA, seconds(static_cast<std::int64_t>(12 + random_.below(6))));
      } else if (person <= 6) {
        machine.submit(person, kText, seconds(static_cast<std::int64_t>(2 + random_.below(4))));
      } else {
        machine.submit_chain(
            person, {{ModelId{kText}, seconds(4), seconds(1)}, {ModelId{kA}, seconds(15), {}}});
      }
    });
  }
  Random random_;
};

TEST(SchedulerTexts, AreHeldNoLongerThanThePolicySays) {
  const Policy policy;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    TextsBesidePictures workshop(seed, 4);
    workshop.machine.play(minutes(60));
    EXPECT_LE(workshop.machine.longest_wait(ModelId{kText}), policy.text_hold_max);
    Duration longest_alone;
    for (const MachineForTests::Started& start : workshop.machine.starts) {
      if (start.model == ModelId{kText} && workshop.machine.person_of.at(start.job) <= 6)
        longest_alone = std::max(longest_alone, start.waited);
    }
    EXPECT_LE(longest_alone, policy.text_hold_min) << "no generation follows these";
    EXPECT_GT(longest_alone, seconds(5)) << "they are held, though";
  }
}

TEST(SchedulerTexts, WithFewSlotsTheyWaitForRunningTextsBesides) {
  const Policy policy;
  TextsBesidePictures workshop(3, 1);
  workshop.machine.play(minutes(60));
  // Four write, one at a time, at six tenths of the speed: at most three others of 6 s at most go before.
  const Duration others = seconds(3 * 6 * 10 / 6);
  EXPECT_LE(workshop.machine.longest_wait(ModelId{kText}), policy.text_hold_max + others);
}

}  // namespace
}  // namespace stoker::scheduler
