import { describe, expect, test } from "bun:test";
import { collectTags, parseTagPage } from "./tags.ts";

const parse = (value: unknown, link: string | null = null) =>
  parseTagPage(Buffer.from(JSON.stringify(value)), link, "tags of app");

describe("parseTagPage", () => {
  test("reads names, and of the link to the next page its query alone", () => {
    const links = {
      '</v2/app/tags/list?last=b&n=2>; rel="next"': "?last=b&n=2",
      "<?last=b>; rel=next": "?last=b",
      '<https://elsewhere.example/v2/app/tags/list?last=b>; rel="next"': "?last=b",
      '</x>; rel="prev", </v2/app/tags/list?last=c>; rel="next"': "?last=c",
      '</v2/app/tags/list?last=b>; rel="prev"': undefined,
      '</v2/app/tags/list>; rel="next"': undefined,
      nonsense: undefined,
    };
    for (const [link, next] of Object.entries(links))
      expect(parse({ name: "app", tags: ["a", "b"] }, link)).toEqual({ names: ["a", "b"], next });
  });

  test("a repository without tags has none", () => {
    expect(parse({ name: "app", tags: null }).names).toEqual([]);
    expect(parse({ name: "app" }).names).toEqual([]);
  });

  test("what is no list of tags is refused", () => {
    for (const value of [[], { tags: {} }, { tags: [1] }, { tags: ["a b"] }, { tags: ["../x"] }])
      expect(() => parse(value)).toThrow("invalid tags of app");
  });
});

describe("collectTags", () => {
  test("reads page after page and names each tag once", async () => {
    const pages: Record<string, { names: string[]; next: string | undefined }> = {
      "": { names: ["b", "a"], next: "?last=a" },
      "?last=a": { names: ["a", "c"], next: undefined },
    };
    const read = async (query: string) => pages[query] ?? { names: [], next: undefined };
    expect(await collectTags("tags", read)).toEqual(["b", "a", "c"]);
  });

  test("a list that goes in a circle or never ends is given up", async () => {
    const circle = async () => ({ names: ["a"], next: "?last=a" });
    await expect(collectTags("tags", circle)).rejects.toThrow("circle");
    let count = 0;
    const endless = async () => ({ names: [], next: `?last=${count++}` });
    await expect(collectTags("tags", endless)).rejects.toThrow("does not end");
  });
});
