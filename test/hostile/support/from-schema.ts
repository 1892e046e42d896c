/** Values that a JSON schema of our own document allows, as fast-check arbitraries. What it says of no keyword it refuses. */
import fc from 'fast-check';

export interface Schema {
  $ref?: string;
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  type?: string;
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
}

export interface FromSchema {
  /** The named schemas of the document. */
  components: Record<string, Schema>;
  /** Values worth trying for fields of these names, so that inputs reach what a schema cannot know of. */
  known: Record<string, readonly unknown[]>;
}

export function valuesOf(schema: Schema, from: FromSchema, field = ''): fc.Arbitrary<unknown> {
  const likely = from.known[field];
  const any = shaped(schema, from);
  return likely && likely.length > 0
    ? fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...likely) }, { weight: 1, arbitrary: any })
    : any;
}

function shaped(schema: Schema, from: FromSchema): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return valuesOf(componentOf(schema.$ref, from), from);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => valuesOf(one, from)));
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if ('const' in schema) return fc.constant(schema.const);
  switch (schema.type) {
    case 'string':
      return texts(schema);
    case 'integer':
      return fc.integer({ min: schema.minimum, max: schema.maximum });
    case 'number':
      return fc.integer({ min: schema.minimum, max: schema.maximum });
    case 'array':
      return fc.array(valuesOf(schema.items ?? {}, from), { maxLength: Math.min(schema.maxItems ?? 4, 4) });
    case 'object':
      return objects(schema, from);
    case undefined:
      return fc.jsonValue();
    default:
      throw new Error(`no values are known for the type ${schema.type}`);
  }
}

export function componentOf(reference: string, { components }: FromSchema): Schema {
  const found = components[reference.replace('#/components/schemas/', '')];
  if (!found) throw new Error(`the document has no ${reference}`);
  return found;
}

function objects({ properties = {}, required = [], additionalProperties }: Schema, from: FromSchema) {
  if (typeof additionalProperties === 'object' && Object.keys(properties).length === 0) {
    return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), valuesOf(additionalProperties, from), { maxKeys: 4 });
  }
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, valuesOf(schema, from, name)]),
  );
  return fc.record(fields, { requiredKeys: required });
}

const unit = (most: number) => fc.integer({ min: 1, max: most });

function texts({ format, pattern, minLength = 0, maxLength = 60 }: Schema): fc.Arbitrary<unknown> {
  switch (format) {
    case 'uuid':
      return fc.uuid();
    case 'date-time':
      return fc
        .date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })
        .map((at) => at.toISOString());
    case 'duration':
      return fc.oneof(
        unit(90).map((minutes) => `PT${minutes}M`),
        fc.tuple(unit(30), unit(23), unit(59), unit(59)).map(([d, h, m, s]) => `P${d}DT${h}H${m}M${s}S`),
      );
    case 'base64':
      return fc.base64String({ maxLength: 40 });
    default:
      if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern, 'u'));
      return fc.string({ minLength, maxLength: Math.min(maxLength, 200), unit: 'grapheme' });
  }
}
