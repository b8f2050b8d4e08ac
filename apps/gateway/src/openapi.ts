import type { Route } from '@khue/contracts/http/route';
import { problem } from '@khue/contracts/problems';
import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';

/** One document of all services' routes, from the schemas they check with; `x-roles` says who may call. */
export const openApiDocument = (
  routes: readonly Route[],
  options: { readonly version: string; readonly serverUrl: string },
): ReturnType<typeof createDocument> => {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const route of routes) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route);
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Khuê',
      version: options.version,
      description: 'Đào tạo, bồi dưỡng cán bộ: cử đi học, chỉ tiêu, lớp và báo cáo. Training of cadres: nominations, quotas, classes and reports.',
    },
    servers: [{ url: options.serverUrl }],
    security: [{ bearer: [] }],
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    paths: paths as ZodOpenApiPathsObject,
  });
};

const operation = (route: Route): ZodOpenApiOperationObject => {
  const headers: Record<string, z.ZodType> = {};
  if (route.method === 'POST' && !route.noIdempotencyKey)
    headers['Idempotency-Key'] = z.string().min(1).max(200).describe('New for each operation; the same again for a retry.');
  if (['PUT', 'PATCH', 'DELETE'].includes(route.method)) headers['If-Match'] = z.string().describe('The ETag of the record as read.');
  return {
    operationId: route.operationId,
    tags: [route.path.split('/')[2] ?? 'khue'],
    summary: `${route.summary.vi} / ${route.summary.en}`,
    'x-roles': typeof route.callers === 'string' ? [route.callers] : [...route.callers],
    ...(route.callers === 'anyone' ? { security: [] } : {}),
    requestParams: {
      ...(route.params ? { path: route.params } : {}),
      ...(route.query ? { query: route.query } : {}),
      ...(Object.keys(headers).length > 0 ? { header: z.object(headers) } : {}),
    },
    ...(route.body ? { requestBody: { required: true, content: { 'application/json': { schema: route.body } } } } : {}),
    ...(route.upload
      ? {
          requestBody: {
            required: true,
            content: {
              'multipart/form-data': { schema: { type: 'object', required: ['file'], properties: { file: { type: 'string', format: 'binary' } } } },
            },
          },
        }
      : {}),
    responses: {
      [String(route.status)]: success(route),
      default: { description: 'Problem (RFC 9457)', content: { 'application/problem+json': { schema: namedProblem } } },
    },
    ...(route.problems && route.problems.length > 0 ? { 'x-problems': [...route.problems] } : {}),
  } as ZodOpenApiOperationObject;
};

const namedProblem = problem.meta({ id: 'Problem' });

const success = (route: Route): { description: string; content?: Record<string, { schema: z.ZodType }> } => {
  if (route.answer === 'none') return { description: 'Done' };
  if (route.answer === 'csv') return { description: 'A CSV file', content: { 'text/csv': { schema: z.string() } } };
  return { description: 'OK', content: { 'application/json': { schema: route.answer } } };
};
