/** What vitest adds to modules. */
interface ImportMeta {
  glob<Content>(files: string[], options: { query: string; import: string; eager: true }): Record<string, Content>;
}
