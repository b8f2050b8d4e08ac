export const LEVELS = ['elementary', 'intermediate', 'advanced'] as const;
export const FORMS = ['concentrated', 'non-concentrated'] as const;
export type Level = (typeof LEVELS)[number];
export type Form = (typeof FORMS)[number];

/* Ordered scales, lowest first. */
export const DEGREES = ['none', 'lower-secondary', 'upper-secondary', 'college', 'university', 'master', 'doctor'] as const;
export const RATINGS = ['not-completed', 'completed', 'good', 'excellent'] as const;
export const PARTY_STATUSES = ['none', 'probationary', 'full'] as const;
export const REQUIRED_LEVELS = ['none', ...LEVELS] as const;

/** Posts that a rule can name. `other` is an answer (none of these), an absent post is missing data. */
export const POSTS = {
  'base-party-committee-member': { vi: 'Cấp ủy viên chi bộ, đảng bộ cơ sở', en: 'Committee member of a base Party organization' },
  'upper-party-committee-member': {
    vi: 'Cấp ủy viên cấp trên trực tiếp cơ sở',
    en: 'Committee member of the Party organization directly above the base',
  },
  'upper-party-standing-member': {
    vi: 'Ủy viên ban thường vụ cấp trên trực tiếp cơ sở',
    en: 'Standing member of the Party organization directly above the base',
  },
  'city-party-committee-member': { vi: 'Cấp ủy viên tỉnh, thành phố', en: 'Committee member of a province or city Party organization' },
  'council-chair': { vi: 'Chủ tịch hội đồng nhân dân', en: "Chair of a people's council" },
  'council-deputy-chair': { vi: 'Phó chủ tịch hội đồng nhân dân', en: "Deputy chair of a people's council" },
  'committee-chair': { vi: 'Chủ tịch ủy ban nhân dân', en: "Chair of a people's committee" },
  'committee-deputy-chair': { vi: 'Phó chủ tịch ủy ban nhân dân', en: "Deputy chair of a people's committee" },
  'front-head': { vi: 'Chủ tịch Ủy ban Mặt trận Tổ quốc', en: 'Chair of a Fatherland Front committee' },
  'mass-body-head': { vi: 'Trưởng tổ chức chính trị - xã hội', en: 'Head of a mass organization' },
  'front-or-mass-deputy-head': { vi: 'Cấp phó Mặt trận, tổ chức chính trị - xã hội', en: 'Deputy head of the Front or of a mass organization' },
  'commune-military-commander': { vi: 'Chỉ huy trưởng quân sự cấp xã', en: 'Military commander of a commune' },
  'body-leader': { vi: 'Lãnh đạo cơ quan, đơn vị', en: 'Head or deputy head of a body or public unit' },
  'division-head': { vi: 'Trưởng phòng và tương đương', en: 'Head of division or equal' },
  'division-deputy-head': { vi: 'Phó trưởng phòng và tương đương', en: 'Deputy head of division or equal' },
  'group-board-deputy-head': { vi: 'Phó trưởng ban của tập đoàn nhà nước', en: 'Deputy board head in a state group' },
  'enterprise-division-head': {
    vi: 'Trưởng ban, trưởng phòng doanh nghiệp nhà nước',
    en: 'Head of board or division in a provincial state company, state group or state bank',
  },
  'enterprise-leader': { vi: 'Thành viên hội đồng, giám đốc doanh nghiệp nhà nước', en: "Members' council or director of such an enterprise" },
  'commune-police-head': { vi: 'Trưởng công an cấp xã', en: 'Head of commune police' },
  'commune-police-deputy-head': { vi: 'Phó trưởng công an cấp xã', en: 'Deputy head of commune police' },
  'police-team-head': { vi: 'Đội trưởng, đội phó công an', en: 'Team head or deputy head in the police' },
  'police-division-head': { vi: 'Trưởng phòng, phó trưởng phòng công an', en: 'Head or deputy head of division in the police' },
  'army-battalion-command': { vi: 'Chỉ huy tiểu đoàn', en: 'Battalion command' },
  'army-regiment-deputy-chief': {
    vi: 'Phó tham mưu trưởng, phó chủ nhiệm chính trị trung đoàn',
    en: 'Deputy chief of staff or of politics at regiment',
  },
  'army-regiment-command': { vi: 'Trung đoàn trưởng, chính ủy trung đoàn', en: 'Regiment commander or commissar' },
  other: { vi: 'Không thuộc các chức vụ trên', en: 'None of these' },
} as const;
export type Post = keyof typeof POSTS;
export const POST_LEVELS = ['commune', 'district', 'province', 'central'] as const;
/** chuyên viên, chuyên viên chính, chuyên viên cao cấp */
export const GRADES = ['specialist', 'principal-specialist', 'senior-specialist', 'other'] as const;
export const SECTORS = ['civil', 'army', 'police', 'enterprise'] as const;
export const SEXES = ['male', 'female'] as const;
