import { createHash } from 'node:crypto';
import { v5 as uuidv5 } from 'uuid';
import { expect, test } from 'vitest';
import { rowId } from './row-id.ts';

test('the id of an imported row is the UUIDv5 of its file and number, as it has been since the first import', () => {
  for (let row = 1; row <= 500; row += 1) {
    const file = createHash('sha256').update(`file ${row}`).digest('hex');
    expect(rowId(file, row)).toBe(uuidv5(`${file}:${row}`, '0f5c2f7e-58a1-4c63-9d0b-6a5be1f4d7c2'));
  }
});
