import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { toProblem } from '@khue/contracts/problem-document';
import type { ProblemCatalog } from '@khue/contracts/problems';
import { newId } from '@khue/messaging/new-id';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from './door.ts';

/** An address that no route can be looked up for; hooks have not run, so their headers are set here. */
export const answerBadAddress =
  (catalog: ProblemCatalog) =>
  (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    reply.header('x-correlation-id', request.id).header('x-content-type-options', 'nosniff').header('cache-control', 'no-store');
    // An id longer than any id is there is one that is not there.
    sendProblem(reply, catalog, { code: error.code === 'FST_ERR_MAX_PARAM_LENGTH' ? 'not-found' : 'request-unreadable' }, request.id);
  };

const codes: Readonly<Record<string, string>> = { HPE_HEADER_OVERFLOW: 'headers-too-large', ERR_HTTP_REQUEST_TIMEOUT: 'request-too-slow' };

/** What is no HTTP, or never became a whole request: there is no reply object, so the answer is written to the connection. */
export const answerBrokenRequest =
  (catalog: ProblemCatalog) =>
  (error: NodeJS.ErrnoException, socket: Socket & { _httpMessage?: ServerResponse }): void => {
    // An answer that has begun can't be followed by another one.
    if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable || socket._httpMessage?.headersSent) {
      socket.destroy();
      return;
    }
    const correlationId = newId();
    const problem = toProblem(catalog, { code: codes[error.code ?? ''] ?? 'request-unreadable' }, correlationId);
    const body = JSON.stringify(problem);
    const head = [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
      'content-type: application/problem+json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      `x-correlation-id: ${correlationId}`,
      'connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  };
