import { busBreakage } from '@khue/testing/bus-breakage';
import { busContract, type BusKind } from '@khue/testing/bus-contract';
import { describe } from 'vitest';
import { embeddedBus } from './embedded-bus.ts';

const embedded: BusKind = {
  open: (_, log) => embeddedBus({ log, pollMs: 200 }),
  lose: async (producer, topic, position) => {
    await producer.asOwner(
      `create table lost as select * from messaging.log where topic = '${topic}' and position = ${position}; delete from messaging.log where position = ${position}`,
    );
  },
  mend: async (producer) => {
    await producer.asOwner('insert into messaging.log overriding system value select * from lost');
  },
};

describe('on the embedded bus', () => {
  busContract(embedded);
  busBreakage(embedded);
});
