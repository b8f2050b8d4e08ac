import { runService } from '@khue/host/run';
import { createQuota } from './service.ts';

await runService('quota', createQuota);
