/** Bodies of requests are parsed up to a limit, and what is larger is refused at once: express alone would read it to its end first. */
import express, { type Request, type RequestHandler } from 'express';
import { Problem } from './problem.js';

const kB = 1_024;
export const usualMost = 32 * kB;

/** What is read of a refused body and thrown away: cut off at once, the sender would not hear why. */
const lingerMs = 1_000;

function hangUpSoon(request: Request): void {
  setTimeout(() => {
    if (!request.complete) request.destroy();
  }, lingerMs).unref();
}

/** Never packed, so that what is sent is what is counted. */
const common = (most: number) => ({ limit: most, inflate: false });

export function jsonBody(most: number): RequestHandler {
  return limited(most, express.json({ ...common(most), strict: true, type: 'application/json' }));
}

export function formBody(most: number, fields: number): RequestHandler {
  return limited(most, express.urlencoded({ ...common(most), extended: false, parameterLimit: fields }));
}

function limited(most: number, parse: RequestHandler): RequestHandler {
  return (request, response, next) => {
    let isThrough = false;
    const through = (error?: unknown): void => {
      if (isThrough) return;
      isThrough = true;
      request.off('data', count);
      if (error === undefined) next();
      else next(error);
    };
    const refuse = (): void => {
      if (!isThrough) response.once('finish', () => hangUpSoon(request));
      through(new Problem('too-large', `The body is larger than ${most / kB} kB; send less.`));
    };
    let size = 0;
    const count = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > most) refuse();
    };
    if (Number(request.headers['content-length'] ?? 0) > most) return refuse();
    request.on('data', count);
    void parse(request, response, through);
  };
}
