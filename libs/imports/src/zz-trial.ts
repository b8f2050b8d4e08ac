import { readTable } from './read-table.ts';
import { rowParser, type Layout } from './layout.ts';
import { textColumn, identityNumberColumn, birthColumn, codeColumn, oneOfColumn } from './columns.ts';
interface P { name: string; number: string; birth?: string; sex?: 'male'|'female'; unit: string; note?: string }
export const layout: Layout<P> = { id: 'people', version: 1, columns: {
  name: textColumn({ vi: 'Họ và tên', en: 'Full name' }, { required: true, max: 100 }),
  number: identityNumberColumn({ vi: 'Số định danh', en: 'Identity number', aliases: ['CCCD'] }, { required: true }),
  birth: birthColumn({ vi: 'Ngày sinh', en: 'Birth' }, { required: false }),
  sex: oneOfColumn({ vi: 'Giới tính', en: 'Sex' }, { required: false, choices: { nam: 'male', 'nữ': 'female' } }),
  unit: codeColumn({ vi: 'Đơn vị', en: 'Unit' }, { required: true }),
  note: textColumn({ vi: 'Ghi chú', en: 'Note' }, { required: false, max: 300 }),
} };
if (process.argv[2]) {
  const n = Number(process.argv[2]);
  const src = async function* () {
    yield Buffer.from('\ufeffDANH SÁCH;;\n\nSTT;Họ và tên;Số định danh;Ngày sinh;Giới tính;Đơn vị;Ghi chú\n');
    let s = '';
    for (let i = 0; i < n; i++) { s += `${i};Nguyễn Thị Hồng Ánh;001${i%4}80${String(i).padStart(6,'0')};${i%28+1}/${i%12+1}/1980;${i%2?'nam':'nữ'};HN-${i%300};"ghi chú số ${i}, đủ"\n`; if (s.length > 60000) { yield Buffer.from(s); s=''; } }
    yield Buffer.from(s);
  };
  let t = performance.now(); let b=0; for await (const x of src()) b+=x.length; console.log('gen', b/1e6, 'MB', performance.now()-t);
  t = performance.now();
  let table = await readTable(src(), layout); let rows=0;
  for await (const c of table.rows) rows+=c.length;
  console.log('read', rows, performance.now()-t, table.tally, table.heading);
  t = performance.now();
  table = await readTable(src(), layout); rows=0; let ok=0; let max=0;
  const p = rowParser(layout, table.heading.places, table.heading.cells.length);
  const w = await table.rows; let last=performance.now();
  for await (const c of w) { for (const r of c) { const x = p(r.cells); if (x.ok) ok++; else if (rows<3) console.log(x); rows++; } const now=performance.now(); max=Math.max(max, now-last); last=now; }
  console.log('read+parse', rows, ok, performance.now()-t, 'longest slice', max);
}
