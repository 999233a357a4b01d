/** Fills the second template: a small `audience`, with its policy in force and no cycle run. */
import { seedDemo } from '../../src/demo/demo.ts'

/** Contacts in the template. Ages are counted from the day of the run. */
export const AUDIENCE_CONTACTS = 400

export async function seedTemplate(databaseUrl: string): Promise<void> {
  await seedDemo({ databaseUrl, contacts: AUDIENCE_CONTACTS })
}
