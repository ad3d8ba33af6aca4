// Paraglide writes about 200 bytes of choosing-the-language around every message. With three
// languages and 280 messages on the children's page that is a tenth of its budget, so the same
// choice is made in one shared function here. Output that doesn't look as expected stops the build.

const kModule = /\/shared\/messages\/messages\/(?!_)([\w-]+)\.js$/;
const kExport = /export const (\w+) = \/\*\* @type[\s\S]*$/;
const kPick = 'virtual:pick-message';

export function compact_messages() {
  return {
    name: 'compact-messages',
    enforce: 'post',
    resolveId: (id) => (id === kPick ? `\0${kPick}` : undefined),
    load(id) {
      if (id !== `\0${kPick}`) return undefined;
      return `import { getLocale } from '/shared/messages/runtime.js';
        export const pick = (de, en, simple) => (inputs) => {
          const locale = getLocale();
          return (locale === 'en' ? en : locale === 'de' ? de : simple)(inputs);
        };`;
    },
    transform(code, id) {
      if (!kModule.test(id.split('?')[0])) return undefined;
      const found = kExport.exec(code);
      if (!found || !code.includes(`de_simple_${found[1]}`)) throw new Error(`unexpected message module: ${id}`);
      const name = found[1];
      const compact = code
        .replace(/import \{[^}]*\} from '\.\.\/runtime\.js';/, `import { pick } from '${kPick}';`)
        .replace(kExport, `export const ${name} = /* @__PURE__ */ pick(de_${name}, en_${name}, de_simple_${name});\n`);
      return { code: compact, map: null };
    },
  };
}
