/** A file that is embedded in the executable: its path there. */
declare module "*.bin" {
  const path: string;

  export { path as default };
}
