import type { readFiveYears } from '@khue/contracts/http/reporting';
import { sampleAccounts } from '@khue/tools/seed/load';
import type { z } from 'zod';
import { localClient, readSampleMark, type CityAddress } from './sample.ts';

type Report = z.infer<typeof readFiveYears.answer>;

const number = (value: number | null): string => (value === null ? '–' : value.toLocaleString('de-DE'));

/** Columns of a terminal that a line's name may take. */
const nameWidth = 58;
const shortened = (name: string): string => ([...name].length > nameWidth ? `${[...name].slice(0, nameWidth - 1).join('')}…` : name);

/** The five-year report as a table for a terminal; people and turns in columns of their own. */
export const reportTable = (report: Report): string[] => {
  const rows = [
    ['', 'lớp classes', 'lượt turns', 'người people', 'nguồn đếm'],
    ...report.lines.map((line) => [
      shortened(line.name.vi),
      number(line.classes),
      number(line.turns),
      number(line.people),
      line.sourceCounts === 'people' ? 'người' : line.sourceCounts === 'turns' ? 'lượt' : '–',
    ]),
    ['Cộng các dòng / sum of the lines', number(report.total.classes), number(report.total.turns), number(report.total.people), ''],
    ['Con số công bố / headline', '', number(report.headline.turns), '', ''],
    ['Chưa giải thích được / not explained', '', number(report.notExplained), '', ''],
  ];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => [...(row[column] ?? '')].length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell + ' '.repeat((widths[0] ?? 0) - [...cell].length) : ' '.repeat((widths[column] ?? 0) - [...cell].length) + cell,
      )
      .join('  ')
      .trimEnd(),
  );
};

/** What a newcomer wants to see and try first. */
export const welcome = async (
  product: CityAddress,
  { data, port }: { readonly data: string; readonly port: number },
  say: (line: string) => void,
): Promise<void> => {
  const sample = await readSampleMark(data);
  if (!sample) {
    say(`documentation ${product.address}/docs`);
    return;
  }
  const client = await localClient(product, data, 'reader');
  const report = await client.get<Report>('/api/reporting/v1/five-years?from=2018&to=2022');
  say('');
  say(`Năm năm 2018-2022 (mẫu ${sample.scale * 100} %) / the five years (sample of ${sample.scale * 100} %)`);
  reportTable(report).forEach(say);
  say('People are distinct persons; the total counts each once, so it is no sum.');
  say('');
  say('Sample accounts:');
  for (const { sub, role, unit } of sampleAccounts) say(`  ${sub.padEnd(11)} ${role.padEnd(11)} ${unit}`);
  const where = `${port === 8080 ? '' : ` --port ${port}`}${data === './.data' ? '' : ` --data '${data.replaceAll("'", `'\\''`)}'`}`;
  say('');
  say('Try:');
  say(`  TOKEN=$(npm run --silent token -- reader${where})`);
  say(`  curl -s -H "Authorization: Bearer $TOKEN" '${product.address}/api/reporting/v1/five-years?from=2018&to=2022'`);
  say(`  curl -s -H "Authorization: Bearer $TOKEN" '${product.address}/api/registry/v1/units?on=2025-06-30&limit=5'`);
  say(`  curl -s -H "Authorization: Bearer $TOKEN" '${product.address}/api/quota/v1/pots?year=2026'`);
  say(`documentation ${product.address}/docs   logs ${data}/khue.log   client secret of subscriber ${data}/subscriber.secret`);
};
