import { testService, type TestService } from '@khue/testing/service';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRegistry } from './service.ts';

const api = '/api/registry/v1';
let city: TestService;
beforeAll(async () => {
  city = await testService('registry', createRegistry);
});
afterAll(() => city.stop());

describe('founding', () => {
  test('x', async () => {
    const root = await city.call('board', 'POST', `${api}/units`, { code: 'ha-noi', kind: 'city', name: 'Thành phố Hà Nội', parentId: null, from: '2008-08-01' });
    console.log(root.statusCode, root.body, city.logged.slice(-3));
    expect(root.statusCode).toBe(201);
  });
});
