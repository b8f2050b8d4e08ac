import { runService } from '@khue/host/run';
import { createRegistry } from './service.ts';

await runService('registry', createRegistry);
