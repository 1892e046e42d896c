/** The OpenAPI 3.1 document, made from the same declarations and schemas that guard the routes. */
import { z } from 'zod';
import type { FailureCode } from '../workflows/domain/failure.js';
import { statusOf } from './problem.js';
import type { Route } from './route.js';
import { ProblemBody } from './schemas/problem.js';

type Json = Record<string, unknown>;

/** What any call may answer. */
const everywhere: FailureCode[] = ['malformed', 'invalid', 'rate-limited', 'internal'];
const whenSignedIn: FailureCode[] = ['unauthenticated', 'cross-site', 'identity-unavailable'];
const withGrants: FailureCode[] = ['temporal-unavailable'];

export function openApiDocument(routes: readonly Route[], portalUrl: string): Json {
  const paths: Record<string, Json> = {};
  for (const { declaration } of routes) {
    const path = declaration.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [declaration.method]: operation(declaration) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Daypass',
      version: '1',
      description: 'Just-in-time access that ends by itself. Errors are RFC 9457 problems from one closed list.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: portalUrl.replace(/\/$/, '') }],
    paths,
    components: {
      schemas: components(),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        session: { type: 'apiKey', in: 'cookie', name: portalUrl.startsWith('https:') ? '__Host-daypass' : 'daypass' },
      },
    },
  };
}

function operation(declaration: Route['declaration']): Json {
  const { method, summary, may, params, query, body, answer, refusals = [], idempotent, produces, path } = declaration;
  const isOpen = may === 'anyone';
  const codes = [
    ...everywhere,
    ...(isOpen ? [] : whenSignedIn),
    ...(path.includes('/:id') ? (['not-found'] as const) : []),
    ...(path.startsWith('/v1/') && !path.startsWith('/v1/codec') ? withGrants : []),
    ...(body ? (['too-large', 'unsupported-media-type'] as const) : []),
    ...refusals,
  ];
  return {
    summary,
    operationId: operationId(method, path),
    security: isOpen ? [] : [{ bearer: [] }, { session: [] }],
    'x-may': may,
    parameters: [
      ...parameters(params, 'path'),
      ...parameters(query, 'query'),
      ...(idempotent ? [idempotencyHeader] : []),
    ],
    ...(body ? { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body) } } } } : {}),
    responses: { ...successes(answer, produces), ...problems(codes) },
  };
}

/** `postGrantsIdApprove` */
function operationId(method: string, path: string): string {
  const words = path.replace(/^\/v1/, '').split(/[^A-Za-z]+/);
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

const idempotencyHeader = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'The same key with the same body is the same request; with another body it is refused',
  schema: { type: 'string', minLength: 1, maxLength: 200 },
};

function parameters(schema: z.ZodType | undefined, where: 'path' | 'query'): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' }) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: where,
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: property,
  }));
}

function successes(answer: Record<number, z.ZodType | undefined>, produces: readonly string[] = []): Json {
  const found: Json = {};
  for (const [status, schema] of Object.entries(answer)) {
    const content = schema
      ? { 'application/json': { schema: schemaOf(schema) } }
      : Object.fromEntries(produces.map((type) => [type, { schema: { type: 'string' } }]));
    found[status] = { description: meaning[Number(status)] ?? 'Done', content };
  }
  return found;
}

const meaning: Record<number, string> = {
  200: 'Done',
  201: 'Started',
  202: 'Recorded durably; nobody has judged it yet',
};

/** One response per status, naming the codes that lead to it. */
function problems(codes: readonly FailureCode[]): Json {
  const byStatus = new Map<number, Set<FailureCode>>();
  for (const code of codes) byStatus.set(statusOf[code], (byStatus.get(statusOf[code]) ?? new Set()).add(code));
  return Object.fromEntries(
    [...byStatus].map(([status, found]) => [
      status,
      {
        description: [...found].join(', '),
        content: { 'application/problem+json': { schema: schemaOf(ProblemBody) } },
      },
    ]),
  );
}

/** A reference to a named schema, or the schema itself. */
function schemaOf(schema: z.ZodType): Json {
  const id = z.globalRegistry.get(schema)?.id;
  if (id !== undefined) return { $ref: reference(id) };
  return clean(z.toJSONSchema(schema, { io: 'input' }) as Json);
}

const reference = (id: string) => `#/components/schemas/${id}`;

function components(): Json {
  const { schemas } = z.toJSONSchema(z.globalRegistry, { io: 'input', uri: reference });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, clean(schema as Json)]));
}

/** Inside a document, a schema is found by its place. */
function clean({ $schema: _dialect, $id: _id, ...schema }: Json): Json {
  return schema;
}
