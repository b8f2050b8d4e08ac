import { describe, expect, it } from 'vitest';
import { importLimits } from './limits.ts';
import { layout } from './people.fixture.ts';
import { readTable, type SourceRow } from './read-table.ts';
import { FileRefused } from './refusals.ts';

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const read = async (file: string | Uint8Array, size = 7) => {
  const table = await readTable(inPieces(typeof file === 'string' ? Buffer.from(file) : file, size), layout);
  const rows: SourceRow[] = [];
  for await (const some of table.rows) rows.push(...some);
  return { ...table, rows };
};

const refusal = async (file: string | Uint8Array, size?: number): Promise<FileRefused> => {
  const error: unknown = await read(file, size).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FileRefused);
  return error as FileRefused;
};

const heading = 'Họ và tên,Số định danh,Ngày sinh,Đơn vị';
const an = 'Nguyễn Văn An,001080000001,19/5/1980,HN-01';

describe('a file as Vietnamese offices have it', () => {
  it.each([
    ['comma', ','],
    ['semicolon', ';'],
    ['tab', '\t'],
  ])('is read with a %s between the cells', async (_, separator) => {
    const { rows, separator: found } = await read(`${heading}\n${an}\n`.replaceAll(',', separator));
    expect(found).toBe(separator);
    expect(rows).toEqual([{ rowNo: 2, cells: an.split(',') }]);
  });

  it.each(['\n', '\r\n', '\r'])('is read with line ends of every system (%j), also without one at the end', async (end) => {
    expect((await read([heading, an, an].join(end))).rows.map((row) => row.rowNo)).toEqual([2, 3]);
  });

  it('is the same with and without a byte order mark, but for its hash', async () => {
    const [plain, marked] = [await read(`${heading}\n${an}\n`), await read(`\uFEFF${heading}\n${an}\n`)];
    expect(marked.rows).toEqual(plain.rows);
    expect(marked.heading).toEqual(plain.heading);
    expect(marked.tally.hash).not.toBe(plain.tally.hash);
  });

  it('has its heading row below a title block, and rows are numbered as a spreadsheet shows them', async () => {
    const title = 'HỌC VIỆN,,,\n"DANH SÁCH\nhọc viên, khóa 74",,,\n,,,\n\nĐơn vị:,HN,,\n';
    const { rows, heading: found } = await read(`${title}${heading}\n\n${an}\n ,\u00A0,,\u200B\n${an}\n,,,\n`);
    expect(found.rowNo).toBe(6);
    expect(rows.map((row) => row.rowNo)).toEqual([8, 10]);
  });

  it('has headings in English, decomposed (NFD), in capitals, with non-breaking blanks, line breaks and stars', async () => {
    const headings = ['FULL  NAME', 'số\u00A0định danh (*)'.normalize('NFD'), '"Ngày\nsinh"', 'ĐƠN VỊ'.normalize('NFD')];
    const { heading: found } = await read(`${headings.join(';')}\n${an.replaceAll(',', ';')}\n`);
    expect(found.places).toEqual({ fullName: 0, identityNumber: 1, birth: 2, unitCode: 3 });
  });

  it('is separated by what names its columns, not by what is frequent', async () => {
    const { separator } = await read('a,b,c,d,e,f,g,h\nHọ tên;CCCD;Đơn vị;Lương\nAn;001080000001;HN-01;1,5\n');
    expect(separator).toBe(';');
  });

  it('has columns nobody knows: their cells stay with the row', async () => {
    const { rows, heading: found } = await read(`STT,${heading},Ghi chú\n1,${an},"=1+1, ""x"""\n`);
    expect(found.ignored).toEqual(['STT', 'Ghi chú']);
    expect(rows[0]?.cells).toEqual(['1', ...an.split(','), '=1+1, "x"']);
  });

  it('has rows shorter than the heading: filled up; and longer ones: kept, so that the row can be refused', async () => {
    const { rows } = await read(`${heading}\nAn,001080000001\n${an},,,\n${an},thừa\n`);
    expect(rows.map((row) => row.cells)).toEqual([['An', '001080000001', '', ''], an.split(','), [...an.split(','), 'thừa']]);
  });

  it('cuts no letter where two pieces of the upload meet', async () => {
    const whole = await read(`${heading}\n${an}\n`, 1_000);
    for (let size = 1; size < 9; size += 1) expect((await read(`${heading}\n${an}\n`, size)).rows).toEqual(whole.rows);
  });

  it('is our own file of rejected rows: its three columns are ignored, its cells rearmed', async () => {
    const { rows, heading: found } = await read(`Họ tên,lỗi_cột,CCCD,Đơn vị,LỖI_QUY_TẮC,Cách_sửa\n'=An,x,001080000001,'-1,y,z\n`);
    expect(rows).toEqual([{ rowNo: 2, cells: ['=An', '001080000001', '-1'] }]);
    expect(found.cells).toEqual(['Họ tên', 'CCCD', 'Đơn vị']);
    expect(found.places).toEqual({ fullName: 0, identityNumber: 1, unitCode: 2 });
  });
});

describe("a file that can't be read is refused with the reason", () => {
  it.each([
    ['an Excel workbook', Buffer.from([0x50, 0x4b, 0x03, 0x04, 0x14, 0, 6, 0]), 'file-is-workbook'],
    ['an old Excel workbook', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, 0, 0]), 'file-is-workbook'],
    ['a PDF', Buffer.from('%PDF-1.7\n'), 'file-is-pdf'],
    ['a web page', Buffer.from('\uFEFF  <!DOCTYPE html><table>'), 'file-is-html'],
    ['UTF-16', Buffer.from(`\uFEFF${heading}\n${an}`, 'utf16le'), 'file-is-utf16'],
    ['UTF-16 without its mark', Buffer.from(`${heading}\n${an}`, 'utf16le'), 'file-has-nul'],
    [
      'an old code page',
      Buffer.concat([Buffer.from(`${heading}\n`), Buffer.from('Nguy\xean V\xe3n An,001080000001,1980,HN-01\n', 'latin1')]),
      'file-not-utf8',
    ],
    ['a letter cut off at the end', Buffer.from(`${heading}\n${an}ễ`).subarray(0, -1), 'file-not-utf8'],
    ['nothing', Buffer.alloc(0), 'file-empty'],
    ['other columns', Buffer.from('a,b,c\n1,2,3\n'), 'heading-row-missing'],
  ])('%s', async (_, file, code) => {
    expect((await refusal(file)).code).toBe(code);
    expect((await refusal(file, 100_000)).code).toBe(code);
  });

  it('names the columns it lacks, and the row taken for the heading', async () => {
    expect(await refusal('Danh sách\nHọ và tên,Ngày sinh\nAn,1980\n')).toMatchObject({
      code: 'column-missing',
      params: { row: 2, columns: 'Số định danh, Đơn vị' },
    });
  });

  it('names a column that is there twice', async () => {
    expect(await refusal(`Họ tên,CCCD,Đơn vị,Số định danh\n${an}\n`)).toMatchObject({
      code: 'column-duplicate',
      params: { column: 'Số định danh', first: 2, second: 4 },
    });
  });

  it('has its heading row below the rows that are looked at', async () => {
    expect((await refusal(`${'x\n'.repeat(importLimits.headingRows)}${heading}\n${an}\n`)).code).toBe('heading-row-missing');
  });

  it('names the row of a quotation mark that is closed in the wrong place, and no cell', async () => {
    const refused = await refusal(`${heading}\n${an}\n"Nguyễn Văn Bí,001080000002,1980,HN-01\n"Trần Thị Mật",001180000003,1981,HN-01\n`);
    expect(refused).toMatchObject({ code: 'quote-broken', params: { row: 3 } });
    expect(`${refused.message} ${JSON.stringify(refused)}`).not.toMatch(/Bí|Mật|0010|0011/);
  });

  it('names the row of a quotation mark that would swallow the rest of the file', async () => {
    const rest = `${an}\n`.repeat(20_000);
    expect(await refusal(`${heading}\n${an}\n"${an}\n${rest}`, 60_000)).toMatchObject({ code: 'record-too-long', params: { row: 3 } });
  });

  it('names the row that is nothing but separators', async () => {
    expect(await refusal(`${heading}\n${an}\n${','.repeat(1_000_000)}\n`, 60_000)).toMatchObject({ params: { row: 3 } });
    expect(await refusal(`${heading}\n${an}\n${','.repeat(300)}x\n`)).toMatchObject({ code: 'too-many-columns', params: { row: 3 } });
  });

  it('is refused before it has been sent to its end', async () => {
    let pieces = 0;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from(`${heading}\n`);
      for (; pieces < 10_000; pieces += 1) yield Buffer.from(`"${an}\n`.repeat(100));
    };
    await expect(async () => {
      for await (const _ of (await readTable(endless(), layout)).rows);
    }).rejects.toBeInstanceOf(FileRefused);
    expect(pieces).toBeLessThan(200);
  });
});
