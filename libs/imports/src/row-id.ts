import { v5 as uuidv5 } from 'uuid';

// Drawn once; never to change, for the ids of imported rows follow from it.
const IMPORTED_ROW = '0f5c2f7e-58a1-4c63-9d0b-6a5be1f4d7c2';

/** The id of what a row becomes: UUIDv5 of file and row number, so that a resumed or repeated import can't make it twice. */
export const rowId = (fileHash: string, rowNo: number): string => uuidv5(`${fileHash}:${rowNo}`, IMPORTED_ROW);
