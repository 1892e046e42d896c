/** YAML that is made to hurt, and a second opinion on what stands in it. */
import { isAlias, isMap, isScalar, parseDocument, visit } from 'yaml';

/** Some hundred bytes that mean a thousand million values. */
export const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]']
  .concat(
    [...'bcdefghi'].map((name, index) => `${name}: &${name} [${Array(10).fill(`*${'abcdefgh'[index]}`).join(',')}]`),
  )
  .join('\n');

/** Each bracket is a mistake of its own. */
export const mistakes = `a: [x${']'.repeat(90_000)}`;

/** Whether two members of one map come to the same field, so that the one hides the other. */
export function isDoubled(text: string): boolean {
  let found = false;
  visit(parseDocument(text), {
    Map: (_, { items }) => {
      const keys = items.map(({ key }) =>
        isScalar(key) ? String(key.value ?? '') : isAlias(key) || isMap(key) ? '*' : String(key),
      );
      if (new Set(keys).size < keys.length) found = true;
    },
  });
  return found;
}
