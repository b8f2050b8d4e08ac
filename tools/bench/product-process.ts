import { environment, readSettings } from '@khue/host/config';
import { untilSignal } from '@khue/host/run';
import { startProduct } from '@khue/standalone/product';

// The product in one process as `npm start` runs it, without a sample and without its narration: a process of its own beside the one that measures it.
export type ProductProcess = 'tools/bench/product-process.ts';

let close = async (): Promise<void> => undefined;
untilSignal(() => close());
const env = environment();
const { KHUE_DATA: data, KHUE_PORT: port } = readSettings(env);
const product = await startProduct({ data, port, env, say: () => undefined, onLost: () => process.exit(1), opened: (opened) => (close = opened) });
process.stdout.write(`ready ${product.address}\n`);
