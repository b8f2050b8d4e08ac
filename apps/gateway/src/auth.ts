import type { FastifyInstance, FastifyReply } from 'fastify';
import { tokenLifetimes, type Issuer } from './issuer.ts';

/** What the discovery document of the built-in issuer says. */
const discovery = (issuerUrl: string, algorithm: string): Record<string, unknown> => ({
  issuer: issuerUrl,
  jwks_uri: `${issuerUrl}/jwks`,
  token_endpoint: `${issuerUrl}/token`,
  grant_types_supported: ['client_credentials'],
  response_types_supported: [],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: [algorithm],
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
});

/** The built-in issuer's routes. Errors of the token endpoint have the shape of RFC 6749, which clients' libraries expect. */
export const serveAuth = async (http: FastifyInstance, issuer: Issuer, issuerUrl: string): Promise<void> => {
  await http.register(async (scope) => {
    scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string', bodyLimit: 4_096 }, (_, body, done) =>
      done(null, new URLSearchParams(body as string)),
    );
    scope.get('/auth/.well-known/openid-configuration', async () => discovery(issuerUrl, issuer.algorithm));
    scope.get('/auth/jwks', async () => issuer.jwks);
    scope.post('/auth/token', async (request, reply) => {
      const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
      const grantType = form.get('grant_type');
      if (grantType === null) return fail(reply, 400, 'invalid_request');
      if (grantType !== 'client_credentials') return fail(reply, 400, 'unsupported_grant_type');
      const credentials = readCredentials(request.headers.authorization, form);
      const sub = credentials && (await issuer.authenticate(credentials.id, credentials.secret));
      if (!sub) return fail(reply.header('www-authenticate', 'Basic realm="khue"'), 401, 'invalid_client');
      return { access_token: await issuer.sign(sub, tokenLifetimes.client), token_type: 'Bearer', expires_in: tokenLifetimes.client };
    });
  });
};

const fail = (reply: FastifyReply, status: number, error: string): FastifyReply => reply.code(status).send({ error });

const readCredentials = (authorization: string | undefined, form: URLSearchParams): { id: string; secret: string } | undefined => {
  const basic = /^Basic ([A-Za-z0-9+/=]{1,1000})$/.exec(authorization ?? '')?.[1];
  if (basic) {
    const [id = '', ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':');
    try {
      return { id: decodeURIComponent(id), secret: decodeURIComponent(rest.join(':')) };
    } catch {
      return undefined;
    }
  }
  const id = form.get('client_id');
  const secret = form.get('client_secret');
  return id && secret ? { id, secret } : undefined;
};
