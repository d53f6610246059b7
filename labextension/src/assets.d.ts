declare module "*.css";

declare module "*.ipynb" {
  const text: string;
  export default text;
}

declare module "*.svg" {
  const text: string;
  export default text;
}
