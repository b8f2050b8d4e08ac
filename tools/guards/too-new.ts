import { planted, type Planted } from './planted.ts';

/** For tsc: what a browser of 2023 (Chrome 109) or no browser at all has. */
export const tooNew: readonly Planted[] = [
  planted('TS2550', 'libs/contracts/src/planted-map.ts', 'export const byLength = (all: string[]) => Map.groupBy(all, (each) => each.length);'),
  planted('TS2550', 'libs/contracts/src/planted-text.ts', 'export const whole = (text: string): boolean => text.isWellFormed();'),
  planted('TS2550', 'libs/contracts/src/planted-array.ts', 'export const sorted = (all: string[]): string[] => all.toSorted();'),
  planted('TS1501', 'libs/contracts/src/planted-regex.ts', 'export const letter = /[\\p{L}--[a-z]]/v;'),
  planted('TS2591', 'libs/contracts/src/planted-node.ts', 'export const bytes = (text: string) => Buffer.from(text);'),
];
