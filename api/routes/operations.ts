/** For those who run it: health, figures, and the documentation of the API. */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import express, { type Router } from 'express';
import { register } from 'prom-client';
import { z } from 'zod';
import { openApiDocument } from '../openapi.js';
import { openRoute, type Route } from '../route.js';

export interface OperationsOptions {
  /** Each rejects when what it looks at is away. `required`: without it the API cannot do its work. */
  checks: Record<string, { ask: () => Promise<unknown>; required: boolean }>;
  portalUrl: string;
  /** All routes, for the document; asked when it is first read. */
  routes: () => readonly Route[];
}

const Health = z
  .strictObject({ status: z.enum(['live', 'ready', 'not ready']), parts: z.record(z.string(), z.string()).optional() })
  .meta({ id: 'Health' });

const anything = z.record(z.string(), z.unknown());

const OpenApi = z
  .strictObject({
    openapi: z.string(),
    info: anything,
    servers: z.array(anything),
    paths: anything,
    components: anything,
  })
  .meta({ id: 'OpenApi', description: 'This document' });

export function operationsRoutes({ checks, portalUrl, routes }: OperationsOptions): Route[] {
  let document: object | undefined;
  return [
    openRoute(
      {
        method: 'get',
        path: '/health/live',
        may: 'anyone',
        summary: 'The process lives',
        answer: { 200: Health },
      },
      () => Promise.resolve({ status: 200, body: { status: 'live' } }),
    ),
    openRoute(
      {
        method: 'get',
        path: '/health/ready',
        may: 'anyone',
        summary: 'What it needs is there',
        answer: { 200: Health, 503: Health },
      },
      async () => {
        const found = await Promise.all(
          Object.entries(checks).map(async ([name, { ask, required }]) => {
            const isThere = await ask().then(
              () => true,
              () => false,
            );
            return { name, isThere, required };
          }),
        );
        const isReady = found.every(({ isThere, required }) => isThere || !required);
        const parts = Object.fromEntries(found.map(({ name, isThere }) => [name, isThere ? 'there' : 'away']));
        return { status: isReady ? 200 : 503, body: { status: isReady ? 'ready' : 'not ready', parts } };
      },
    ),
    openRoute(
      {
        method: 'get',
        path: '/metrics',
        may: 'anyone',
        summary: 'Figures in the Prometheus text format',
        answer: { 200: undefined },
        produces: ['text/plain'],
      },
      async () => ({ status: 200, body: await register.metrics(), headers: { 'Content-Type': register.contentType } }),
    ),
    openRoute(
      {
        method: 'get',
        path: '/openapi.json',
        may: 'anyone',
        summary: 'This document',
        answer: { 200: OpenApi },
      },
      () => Promise.resolve({ status: 200, body: (document ??= openApiDocument(routes(), portalUrl)) }),
    ),
  ];
}

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Daypass API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });\n`;

const files = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/** Open to anyone, as the document is that they show. */
export const docsPaths: readonly string[] = ['/docs', '/docs/start.js', ...files.map((file) => `/docs/${file}`)];

/** The documentation page, from the package on disk: nothing is fetched from elsewhere. */
export function docs(): Router {
  const root = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const router = express.Router();
  router.get('/docs', (_request, response) => void response.type('html').send(page));
  router.get('/docs/start.js', (_request, response) => void response.type('js').send(start));
  for (const file of files) {
    router.get(`/docs/${file}`, (_request, response) => response.sendFile(file, { root, maxAge: '1h' }));
  }
  return router;
}
