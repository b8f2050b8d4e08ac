import { migrate } from './migrate.ts';

// A service's process at its start, as far as its schema goes: node migrator.fixture.ts <owner's URL> <role> <folder>. Prints what it has applied.
const [ownerUrl = '', appRole = '', folder = ''] = process.argv.slice(2);
process.stdout.write(JSON.stringify(await migrate({ ownerUrl, appRole, folders: [folder] })));
