import { pastPeople, pastTurns } from './history.ts';
import type { SampleCity } from './city.ts';

const line = (...cells: readonly string[]): string =>
  `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',')}\r\n`;

const sexes = { male: 'Nam', female: 'Nữ' } as const;
const vietnamese = (date: string): string => date.split('-').map(Number).reverse().join('/');

/** The people of the five years as the registry's import takes them: UTF-8 with BOM, Vietnamese headings, dates as offices write them. */
export function* peopleCsv(city: SampleCity, scale: number): Generator<string> {
  yield `\uFEFF${line('Số định danh', 'Họ và tên', 'Ngày sinh', 'Giới tính', 'Mã đơn vị')}`;
  for (const person of pastPeople(city, scale))
    yield line(person.identityNumber, person.name, vietnamese(person.birth), sexes[person.sex], person.unit);
}

/** The turns of the five years as enrollment's import takes them. */
export function* turnsCsv(city: SampleCity, scale: number): Generator<string> {
  yield `\uFEFF${line('Số định danh', 'Họ và tên', 'Mã lớp', 'Mã chương trình', 'Mã đơn vị', 'Mã đơn vị tổ chức', 'Từ ngày', 'Đến ngày', 'Số văn bản')}`;
  for (const turn of pastTurns(city, scale)) {
    yield line(
      turn.person.identityNumber,
      turn.person.name,
      turn.classCode,
      turn.program,
      turn.unit,
      turn.host,
      vietnamese(turn.from),
      vietnamese(turn.to),
      turn.documentNo,
    );
  }
}
