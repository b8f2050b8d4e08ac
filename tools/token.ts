import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openIssuer, tokenLifetimes } from '@khue/gateway/issuer';
import { clockOf, readSettings } from '@khue/host/config';

// npm run token -- ACCOUNT [--port 8080] [--data ./.data]: a bearer token signed with the data folder's key, which only its owner can read.
const { values, positionals } = parseArgs({ allowPositionals: true, options: { port: { type: 'string' }, data: { type: 'string' } } });
const settings = readSettings();
const [account] = positionals;
const data = values.data ?? settings.KHUE_DATA;
const port = values.port ?? String(settings.KHUE_PORT);
const fail = (message: string): never => {
  process.stderr.write(`${message}\n`);
  process.exit(2);
};
if (!account) fail('Usage: npm run token -- ACCOUNT [--port 8080] [--data ./.data]');
else {
  await access(join(data, 'issuer', 'key.json')).catch(() =>
    fail(`There is no issuer key in ${data}: start the product once with this data folder.`),
  );
  const issuer = await openIssuer({
    data,
    issuer: settings.KHUE_OIDC_ISSUER ?? `${settings.KHUE_PUBLIC_URL ?? `http://127.0.0.1:${port}`}/auth`,
    audience: settings.KHUE_AUDIENCE,
    now: clockOf(settings).now,
  });
  process.stdout.write(`${await issuer.sign(account, tokenLifetimes.local)}\n`);
}
