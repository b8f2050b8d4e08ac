import type { TestService } from '@khue/testing/service';
import { v7 as uuidv7 } from 'uuid';
import { api, expectStatus } from '../service.fixture.ts';

export interface Plan {
  readonly id: string;
  readonly planHash: string;
  readonly rows: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly unchanged: number;
  readonly findings: readonly { readonly column: string; readonly code: string; readonly rows: number }[];
}
export interface Progress extends Plan {
  readonly state: string;
  readonly done: number;
  readonly total: number;
}

export const heading = 'Số định danh,Họ và tên,Mã lớp,Mã chương trình,Mã đơn vị,Mã đơn vị tổ chức,Từ ngày,Đến ngày,Số văn bản';

/** Sends a file as a browser would. */
export const upload = async (service: TestService, sub: string, lines: readonly string[], query = '', key = uuidv7()) => {
  const boundary = 'a-boundary-of-the-test';
  const file = [heading, ...lines, ''].join('\r\n');
  return service.service.http.inject({
    method: 'POST',
    url: `${api}/imports?mode=plan${query}`,
    headers: {
      authorization: `Bearer ${await service.issuer.token(sub)}`,
      'idempotency-key': key,
      'content-type': `multipart/form-data; boundary=${boundary}`,
    },
    payload: `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="turns.csv"\r\ncontent-type: text/csv\r\n\r\n${file}\r\n--${boundary}--\r\n`,
  });
};

export const planned = (service: TestService, sub: string, lines: readonly string[]): Promise<Plan> =>
  expectStatus<Plan>(upload(service, sub, lines), 201);

/** Waits until the step under way has ended; throws with its last state after a while. */
export const ended = async (service: TestService, sub: string, id: string): Promise<Progress> => {
  for (let look = 0; look < 500; look += 1) {
    const progress = await expectStatus<Progress>(service.call(sub, 'GET', `${api}/imports/${id}`), 200);
    if (progress.state === 'done' || progress.state === 'revoked') return progress;
    await new Promise((later) => setTimeout(later, 20));
  }
  throw new Error(`the import ${id} does not end`);
};

export const committed = async (service: TestService, sub: string, lines: readonly string[]): Promise<Progress> => {
  const { id, planHash } = await planned(service, sub, lines);
  await expectStatus(service.call(sub, 'POST', `${api}/imports/${id}/commit`, { planHash }), 202);
  return ended(service, sub, id);
};

export const revoked = async (service: TestService, sub: string, id: string): Promise<Progress> => {
  await expectStatus(service.call(sub, 'POST', `${api}/imports/${id}/revoke`), 202);
  return ended(service, sub, id);
};
