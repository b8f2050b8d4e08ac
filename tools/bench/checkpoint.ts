import pg from 'pg';

/** Before each half of a round, so that both begin with the same distance to the next checkpoint. As superuser. */
export const checkpoint = async (adminUrl: string): Promise<void> => {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query('checkpoint');
  await admin.end();
};
