import { runService } from '@khue/host/run';
import { createReporting } from './service.ts';

await runService('reporting', createReporting);
