import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { parseFile } from './parse-file.ts';
import { parseInWorker } from './parse-in-worker.ts';
import { layout } from './zz-trial.ts';
const n = Number(process.argv[3] ?? 300000);
let s = 'STT;Họ và tên;Số định danh;Ngày sinh;Giới tính;Đơn vị;Ghi chú\n';
for (let i = 0; i < n; i++) s += `${i};Nguyễn Thị Hồng Ánh;001${i%4}80${String(i).padStart(6,'0')};${i%28+1}/${i%12+1}/1980;${i%2?'nam':'nữ'};HN-${i%300};"ghi chú số ${i}, đủ"\n`;
const buf = Buffer.from(s); s='';
const src = async function* () { for (let i = 0; i < buf.length; i += 65536) { yield buf.subarray(i, i + 65536); } };
for (const mode of ['inline', 'worker', 'inline', 'worker']) {
  const d = monitorEventLoopDelay({ resolution: 1 }); d.enable();
  const t = performance.now(); const u = performance.eventLoopUtilization(); const c = process.cpuUsage();
  const f = mode === 'inline' ? await parseFile(src(), layout) : await parseInWorker(src(), new URL('./zz-trial.ts', import.meta.url), 'people@1');
  let rows = 0; let ok = 0;
  for await (const ch of f.chunks) { rows += ch.length; ok += ch.filter((r) => r.read.ok).length; await new Promise((r) => setTimeout(r, 1)); }
  if ('close' in f) await (f as { close(): Promise<void> }).close();
  d.disable();
  console.log(mode, { rows, ok, ms: Math.round(performance.now() - t), mainActiveMs: Math.round(performance.eventLoopUtilization(u).active), cpuMs: process.cpuUsage(c).user / 1e3, p99: d.percentile(99) / 1e6, max: d.max / 1e6, heap: Math.round(process.memoryUsage().heapUsed / 1e6) });
}
