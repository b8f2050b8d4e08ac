import { birthColumn, codeColumn, identityNumberColumn, oneOfColumn, textColumn } from './columns.ts';
import type { Layout } from './layout.ts';

export interface Person {
  readonly fullName: string;
  readonly identityNumber: string;
  readonly birth?: string;
  readonly sex?: 'male' | 'female';
  readonly unitCode: string;
}

/** A layout for the specs of this lib, as a service has one. */
export const layout: Layout<Person> = {
  id: 'people',
  version: 1,
  columns: {
    fullName: textColumn({ vi: 'Họ và tên', en: 'Full name', aliases: ['Họ tên'] }, { required: true, max: 100 }),
    identityNumber: identityNumberColumn({ vi: 'Số định danh', en: 'Identity number', aliases: ['CCCD', 'Số CCCD'] }, { required: true }),
    birth: birthColumn({ vi: 'Ngày sinh', en: 'Birth date' }, { required: false }),
    sex: oneOfColumn({ vi: 'Giới tính', en: 'Sex' }, { required: false, choices: { nam: 'male', nữ: 'female', male: 'male', female: 'female' } }),
    unitCode: codeColumn({ vi: 'Đơn vị', en: 'Unit' }, { required: true }),
  },
};
