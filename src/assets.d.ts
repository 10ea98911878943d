/** A file that is embedded in the executable: its path there. */
declare module "*.bin" {
  const path: string;

  // biome-ignore lint/style/noDefaultExport: a bundler's file import has this shape
  export { path as default };
}
