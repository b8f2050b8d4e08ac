import type { Problem } from '@khue/contracts/problems';
import type { z } from 'zod';
import { Refuse } from './refuse.ts';

/** Parses one part of a request; throws Refuse `body-invalid` with an entry for each field: what is wrong and how to mend it. */
export const parsePart = <S extends z.ZodType>(schema: S, value: unknown): z.output<S> => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Refuse('body-invalid', { errors: parsed.error.issues.flatMap(describe).slice(0, 50) });
};

const describe = (issue: z.core.$ZodIssue): Problem['errors'] => {
  const field = issue.path.join('.');
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        field: [...issue.path, key].join('.'),
        code: 'member-not-accepted',
        vi: 'Trường này không nhận từ bên ngoài (chỉ đọc hoặc không có). Hãy bỏ đi.',
        en: 'This member is not accepted (read-only or unknown). Leave it out.',
      }));
    case 'invalid_type':
      return issue.input === undefined
        ? [{ field, code: 'missing', vi: 'Trường này bắt buộc. Hãy điền giá trị.', en: 'This member is required. Fill it in.' }]
        : [{ field, code: 'wrong-type', vi: `Sai kiểu dữ liệu, cần ${issue.expected}.`, en: `Wrong type, ${issue.expected} is expected.` }];
    case 'too_big':
      return [{ field, code: 'too-big', vi: `Vượt quá mức cho phép (tối đa ${issue.maximum}).`, en: `Over the limit (at most ${issue.maximum}).` }];
    case 'too_small':
      return [
        { field, code: 'too-small', vi: `Chưa đủ mức tối thiểu (ít nhất ${issue.minimum}).`, en: `Under the limit (at least ${issue.minimum}).` },
      ];
    case 'invalid_value':
      return [
        { field, code: 'not-in-list', vi: `Chỉ nhận một trong: ${issue.values.join(', ')}.`, en: `Must be one of: ${issue.values.join(', ')}.` },
      ];
    case 'custom': {
      const params = issue.params as { code?: string; vi?: string; en?: string } | undefined;
      return [
        {
          field,
          code: params?.code ?? 'invalid',
          vi: params?.vi ?? 'Giá trị chưa đúng. Hãy sửa lại.',
          en: params?.en ?? 'The value is not valid. Mend it.',
        },
      ];
    }
    default:
      return [
        {
          field,
          code: 'wrong-format',
          vi: 'Sai định dạng. Hãy xem mẫu trong tài liệu API.',
          en: 'Wrong format. See the pattern in the API documentation.',
        },
      ];
  }
};
