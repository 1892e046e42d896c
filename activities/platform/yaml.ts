/** Reads a YAML text against a zod schema, with errors that name file, line and field, all of them at once. */
import { isNode, LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';

/** Throws an Error with one line per problem. */
export function parseYaml<Shape extends z.ZodType>(file: string, text: string, shape: Shape): z.output<Shape> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const broken = document.errors.map(
    (error) => `${file}:${lines.linePos(error.pos[0]).line}: ${firstLine(error.message)}`,
  );
  if (broken.length > 0) throw new Error(broken.join('\n'));

  const found = shape.safeParse(document.toJS());
  if (found.success) return found.data;
  const problems = found.error.issues.flatMap((issue) => {
    // The line of an unknown field is its own, not that of the object around it.
    const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    return paths.map((path) => {
      const message =
        issue.code === 'unrecognized_keys' ? 'is not known here; remove it or mend its spelling' : issue.message;
      return `${file}:${lineOf(document, path, lines)}: ${path.join('.') || 'the file'}: ${message}`;
    });
  });
  throw new Error(problems.join('\n'));
}

/** The line of the deepest part of the path that is there. */
function lineOf(document: Document, path: PropertyKey[], lines: LineCounter): number {
  for (let depth = path.length; depth > 0; depth--) {
    const node = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}
