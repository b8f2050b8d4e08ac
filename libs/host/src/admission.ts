import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import { Refuse } from './refuse.ts';

/**
 * Writes under way at once at one door: what a gather lets wait and what its lanes carry. A rush of 2,000 on one pot is served; whoever is let in waits some seconds at worst,
 * and what comes beyond costs next to nothing.
 */
const mostUnderWay = 2_048;
export const comeAgainSeconds = 2;

export interface Admission {
  /** A hook for `onRequest` of the writing routes behind one door. */
  admit(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void;
  /** Whether the next write would be refused. */
  full(): boolean;
}

/** Reads hold nothing while they wait; an upload takes as long as its sender does, and imports queue by themselves. */
export const takesPlace = ({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): boolean =>
  method !== 'GET' && method !== 'HEAD' && !headers['content-type']?.startsWith('multipart/form-data');

/**
 * What is beyond the limit is refused before its token, its body and its key are looked at. With the
 * refusal left to the gather, where all that is done, a service under three times its load spent more on refusing than on what it accepted.
 */
export const createAdmission = (most = mostUnderWay): Admission => {
  let underWay = 0;
  const full = (): boolean => underWay >= most;
  return {
    full,
    admit: (request, reply, done) => {
      if (!takesPlace(request)) return done();
      if (full()) return done(new Refuse('overloaded', { retryAfterSeconds: comeAgainSeconds }));
      underWay += 1;
      // Answered, or its caller has gone: either way once.
      reply.raw.once('close', () => {
        underWay -= 1;
      });
      done();
    },
  };
};
