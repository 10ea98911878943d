import { expect, test } from "bun:test";
import { formatList, type ListFormat } from "./format.ts";
import { formatColumns } from "./table.ts";

const rows = [
  { ID: "1", Name: "a-long-name", Size: "<1kB", Label: (name: string) => name },
  { ID: "22", Name: "b", Size: "5kB", Label: (name: string) => name },
];
const options: ListFormat = {
  format: undefined,
  quiet: false,
  table: "{{.ID}}\t{{.Name}}",
  headers: { ID: "ID", Name: "NAME", Size: "SIZE" },
};
const print = (format: string | undefined, quiet = false) =>
  formatList(rows, { ...options, format, quiet });

test("formatList prints a table with Docker's widths: ten cells at least, three between", () => {
  expect(print(undefined)).toBe("ID        NAME\n1         a-long-name\n22        b\n");
  expect(print("table {{.Name}}\\t{{.ID}}")).toBe(
    "NAME          ID\na-long-name   1\nb             22\n",
  );
});

test("formatList heads the column of a function and of a label by what it shows", () => {
  expect(print('table {{upper .Name}}\\t{{.Label "com.x.my-label"}}')).toBe(
    "NAME          my label\nA-LONG-NAME   com.x.my-label\nB             com.x.my-label\n",
  );
});

test("formatList prints IDs alone when it is to be quiet", () => {
  expect(print(undefined, true)).toBe("1\n22\n");
});

test("formatList prints JSON as Go does, safe for HTML", () => {
  expect(print("json")).toBe(
    '{"ID":"1","Name":"a-long-name","Size":"\\u003c1kB"}\n{"ID":"22","Name":"b","Size":"5kB"}\n',
  );
});

test("formatList prints a template for each row", () => {
  expect(print("{{.ID}}-{{.Name}}")).toBe("1-a-long-name\n22-b\n");
  expect(() => print("{{.Foo}}")).toThrow('no field "Foo"; there are: ID, Name, Size, Label');
});

test("formatColumns measures wide characters by the cells they take", () => {
  expect(formatColumns("日本語の名前は長い\tx\nab\ty")).toBe(
    "日本語の名前は長い   x\nab                   y",
  );
});

test("formatColumns aligns neighbouring lines only", () => {
  expect(formatColumns("a\tb\nno columns\nlonger than ten\tc")).toBe(
    "a         b\nno columns\nlonger than ten   c",
  );
});
