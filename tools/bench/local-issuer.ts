import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openIssuer, tokenLifetimes } from '@khue/gateway/issuer';

export interface LocalIssuer {
  /** `iss` of its tokens, where services find its keys. */
  readonly url: string;
  /** Signed once for each account. */
  token(sub: string): Promise<string>;
  close(): void;
}

/** An OpenID provider for services that run without their gateway: discovery, keys, and tokens signed with a key kept in `data`. */
export const startLocalIssuer = async (data: string): Promise<LocalIssuer> => {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(request.url?.endsWith('/jwks') ? issuer.jwks : { issuer: url, jwks_uri: `${url}/jwks` }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer = await openIssuer({ data, issuer: url, audience: 'khue' });
  const tokens = new Map<string, Promise<string>>();
  return {
    url,
    token: (sub) => {
      const known = tokens.get(sub) ?? issuer.sign(sub, tokenLifetimes.local);
      tokens.set(sub, known);
      return known;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
