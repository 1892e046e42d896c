/** Holds answers to the API's own OpenAPI document: what it does not name of an object, the object must not have. */
import assert from 'node:assert/strict';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

interface Operation {
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}

export interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

/** Fails unless this status, content type and body are what the document says of this call. */
export type Check = (method: string, path: string, answer: { status: number; type: string; body: unknown }) => void;

export function checkAgainst(document: Document): Check {
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  // A CommonJS package: under Node its function is the `default` of the module.
  (addFormats as unknown as { default: (to: Ajv2020) => void }).default(ajv);
  ajv.addFormat('base64', true);
  ajv.addKeyword('components');
  ajv.addSchema({ $id: 'api', components: closed(document.components) });
  const compiled = new Map<string, ValidateFunction>();

  return (method, path, { status, type, body }) => {
    const pathname = path.split('?')[0] ?? '';
    const isExact = pathname in document.paths;
    const template = isExact ? pathname : Object.keys(document.paths).find((known) => shapeOf(known).test(pathname));
    const responses = document.paths[template ?? '']?.[method.toLowerCase()]?.responses;
    assert.ok(responses, `the document knows no ${method} ${pathname}`);
    const response = responses[String(status)];
    assert.ok(response, `the document knows no ${status} of ${method} ${String(template)}`);
    const kind = type.split(';')[0] ?? '';
    const schema = response.content?.[kind]?.schema;
    assert.ok(schema, `the document knows no ${kind} in ${status} of ${method} ${String(template)}`);
    const key = JSON.stringify(closed(schema)).replaceAll('"#/components', '"api#/components');
    const validate = compiled.get(key) ?? ajv.compile(JSON.parse(key) as object);
    compiled.set(key, validate);
    assert.ok(validate(body), `${method} ${pathname} ${status}: ${ajv.errorsText(validate.errors)}`);
  };
}

/** Objects whose schema says nothing of further fields have none. */
function closed<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map(closed) as T;
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  const isOpen = 'properties' in inner && !('additionalProperties' in inner);
  return (isOpen ? { ...inner, additionalProperties: false } : inner) as T;
}

function shapeOf(template: string): RegExp {
  return new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`);
}
