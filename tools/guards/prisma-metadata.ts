import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

// A generator of Prisma's (JSON-RPC by lines, answers on stderr) that writes down the model as Prisma understood it, with native types and
// nullability: the generated client keeps neither.
interface Request {
  readonly id: number;
  readonly method: string;
  readonly params: { readonly generator: { readonly output: { readonly value: string } }; readonly dmmf: { readonly datamodel: unknown } };
}

const answer = (request: Request): unknown => {
  if (request.method === 'getManifest') return { manifest: { prettyName: 'metadata', defaultOutput: 'metadata.json' } };
  writeFileSync(request.params.generator.output.value, JSON.stringify(request.params.dmmf.datamodel));
  return null;
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request;
  process.stderr.write(`${JSON.stringify({ jsonrpc: '2.0', id: request.id, result: answer(request) })}\n`);
}
