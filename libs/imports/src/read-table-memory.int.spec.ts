import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { layout } from './people.fixture.ts';
import { readTable } from './read-table.ts';

const heading = 'Họ và tên,Số định danh,Ngày sinh,Đơn vị';
const an = 'Nguyễn Văn An,001080000001,19/5/1980,HN-01';

it('holds some slices of a file in memory, never the file', async () => {
  const rows = 300_000;
  let sent = 0;
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const file = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`STT,${heading},Ghi chú\n`);
    for (let n = 0; n < rows; n += 500) {
      const piece = Buffer.from(Array.from({ length: 500 }, (_, i) => `${n + i},${an},"${'ghi chú '.repeat(8)}${n + i}"\n`).join(''));
      sent += piece.length;
      yield piece;
    }
  };
  collect();
  const before = process.memoryUsage().heapUsed;
  let most = 0;
  let count = 0;
  const table = await readTable(file(), layout);
  for await (const some of table.rows) {
    count += some.length;
    if (count % 20_000 < some.length) {
      collect();
      most = Math.max(most, process.memoryUsage().heapUsed - before);
    }
  }
  expect(count).toBe(rows);
  expect(sent).toBeGreaterThan(39_000_000);
  expect(most).toBeLessThan(sent / 8);
});
