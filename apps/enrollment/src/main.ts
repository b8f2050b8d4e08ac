import { runService } from '@khue/host/run';
import { createEnrollment } from './service.ts';

await runService('enrollment', createEnrollment);
