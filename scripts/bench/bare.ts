/** The least that a compiled Bun executable can do: the floor of a client's start-up. */
console.log("hello");
