import { createNumbers, type Numbers } from './numbers.ts';

export interface ClassRow {
  readonly line: string;
  readonly programCode: string;
  readonly from: string;
}

/**
 * The turns as columns, each at the number that the database gave it: 13 bytes a turn instead of a row. Beside them what a report joins: classes,
 * merged records, assignments. Counting is fast because nothing here is an object of its own.
 */
export interface Columns {
  /** Grows with every change. */
  revision: number;
  /** Places used; some of them hold no turn. */
  length: number;
  /** The class's number + 1; 0: no turn. */
  classOf: Int32Array;
  person: Int32Array;
  unit: Int32Array;
  imported: Uint8Array;
  readonly people: Numbers;
  readonly classIds: Numbers;
  readonly units: Numbers;
  /** By the class's number; a turn may come before its class. */
  classes: readonly (ClassRow | undefined)[];
  /** Records that count as another: [merged, kept]. */
  merged: readonly (readonly [number, number])[];
  /** By unit: its people who were assigned to one of its successors. */
  assigned: readonly (ReadonlyMap<number, number> | undefined)[];
}

export const emptyColumns = (): Columns => ({
  revision: 0,
  length: 0,
  classOf: new Int32Array(1_024),
  person: new Int32Array(1_024),
  unit: new Int32Array(1_024),
  imported: new Uint8Array(1_024),
  people: createNumbers(),
  classIds: createNumbers(),
  units: createNumbers(),
  classes: [],
  merged: [],
  assigned: [],
});

/** Bytes of a turn as the database sends it: number, class, person, unit, imported. */
export const turnBytes = 8 + 16 + 16 + 16 + 1;

/** Puts turns `[from, to)` of those bytes where their numbers say; a turn that is there already is replaced. */
export const putTurns = (columns: Columns, bytes: Buffer, from: number, to: number): void => {
  for (let at = from * turnBytes, end = to * turnBytes; at < end; at += turnBytes) {
    const no = bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
    if (no >= columns.classOf.length) grow(columns, no);
    if (no >= columns.length) columns.length = no + 1;
    columns.classOf[no] = columns.classIds.at(bytes, at + 8) + 1;
    columns.person[no] = columns.people.at(bytes, at + 24);
    columns.unit[no] = columns.units.at(bytes, at + 40);
    columns.imported[no] = bytes[at + 56] as number;
  }
};

export const dropTurn = (columns: Columns, no: number): void => {
  if (no < columns.length) columns.classOf[no] = 0;
};

const grow = (columns: Columns, no: number): void => {
  const size = Math.max(no + 1, columns.classOf.length * 2);
  const grown = <T extends Int32Array | Uint8Array>(column: T, into: T): T => {
    into.set(column);
    return into;
  };
  columns.classOf = grown(columns.classOf, new Int32Array(size));
  columns.person = grown(columns.person, new Int32Array(size));
  columns.unit = grown(columns.unit, new Int32Array(size));
  columns.imported = grown(columns.imported, new Uint8Array(size));
};
