import { describe, expect, test } from "bun:test";
import { Template } from "./template.ts";

const data = {
  Id: "abc",
  Name: "web",
  State: { Running: true, Pid: 0 },
  Labels: { b: "2", a: "1" },
  List: ["x", "y"],
  Mounts: [{ Type: "bind" }, { Type: "volume" }],
  Nothing: null,
  Label: (name: string) => `label ${name}`,
};

const run = (source: string) => new Template(source).execute(data);

describe("Template", () => {
  const good: [string, string][] = [
    ["plain", "plain"],
    ["{{.Name}}", "web"],
    ["{{.ID}}", "abc"],
    ["{{ .State.Running }}/{{.State.Pid}}", "true/0"],
    ["{{json .List}}", '["x","y"]'],
    ["{{.List | json}}", '["x","y"]'],
    ["{{json .Nothing}}", "null"],
    ["{{.List}} {{.Labels}}", "[x y] map[a:1 b:2]"],
    ["{{.Nothing}}", "<no value>"],
    ['{{join .List ", "}}', "x, y"],
    ['{{index .Labels "a"}}{{index .Labels "zz"}}', "1"],
    ["{{index .List 1}}", "y"],
    ["{{(index .Mounts 1).Type}}", "volume"],
    ["{{len .List}} {{len .Name}}", "2 3"],
    ["{{upper .Name}} {{.Name | upper | lower}} {{title .Name}}", "WEB web Web"],
    ['{{split "a:b" ":"}}', "[a b]"],
    ["{{if .State.Running}}up{{else}}down{{end}}", "up"],
    ["{{if .State.Pid}}up{{else if .Name}}named{{else}}down{{end}}", "named"],
    ['{{if eq .Name "web" "db"}}yes{{end}}', "yes"],
    ['{{if and .Name (ne .Name "db")}}yes{{end}}', "yes"],
    ["{{if not .Nothing}}none{{end}}{{if or .Nothing .Name}}some{{end}}", "nonesome"],
    ["{{range .Mounts}}<{{.Type}}>{{end}}", "<bind><volume>"],
    ["{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "a=1;b=2;"],
    ["{{range $i, $x := .List}}{{$i}}{{$x}}{{end}}", "0x1y"],
    ["{{range .Nothing}}x{{else}}empty{{end}}", "empty"],
    ["{{with .State}}{{.Running}} {{$.Name}}{{end}}", "true web"],
    ["{{$n := .Name}}{{$n}}{{$n}}", "webweb"],
    ["{{$n := 1}}{{range .List}}{{$n = .}}{{end}}{{$n}}", "y"],
    ['{{printf "%-5s|%5s|%d|%q|%%" .Name .Id 7 "q"}}', 'web  |  abc|7|"q"|%'],
    ['{{println .Name "x"}}', "web x\n"],
    ["a {{- .Name -}} b", "awebb"],
    ["a{{/* a comment */}}b", "ab"],
    ['{{"a}}b"}}{{`c"d`}}{{"\\t"}}', 'a}}bc"d\t'],
    ['{{.Label "x"}}', "label x"],
    ["{{truncate .Name 2}}{{pad .Id 1 2}}|", "we abc  |"],
    ["{{if gt (len .List) 1}}many{{end}}", "many"],
    ["{{slice .Name 1 3}}", "eb"],
  ];
  for (const [source, text] of good) {
    test(`prints ${source}`, () => {
      expect(run(source)).toBe(text);
    });
  }

  const bad: [string, string][] = [
    ["{{.Name", "template parsing error: unclosed action"],
    ["{{}}", "template parsing error: missing value for command"],
    ["{{if .Name}}x", "template parsing error: unexpected EOF: {{if}} without {{end}}"],
    ["{{end}}", "template parsing error: unexpected {{end}}"],
    ["{{foo .Name}}", 'template parsing error: function "foo" not defined'],
    ["{{constructor .Name}}", 'template parsing error: function "constructor" not defined'],
    ["{{.Name.Foo}}", 'template parsing error: can\'t evaluate field Foo in "web"'],
    ["{{.State.Foo}}", 'template parsing error: no field "Foo"; there are: Running, Pid'],
    ["{{.Nothing.X}}", 'template parsing error: nil value has no field "X"'],
    ["{{(.Name}}", "template parsing error: unclosed left paren"],
    ["{{$x}}", 'template parsing error: undefined variable "$x"'],
    ["{{index .List 9}}", "template parsing error: error calling index: index out of range: 9"],
    ["{{.Name & 1}}", 'template parsing error: unexpected "&" in "{{.Name & 1}}"'],
  ];
  for (const [source, message] of bad) {
    test(`refuses ${source}`, () => {
      expect(() => run(source)).toThrow(message);
    });
  }
});
