// A server of Node's own http module: `node server.mjs ADDRESS PORT KEEP_ALIVE_MS`.
//
// /echo gives the body back as it comes, with the request's trailers as the answer's; /chunked an answer of many chunks; /trailers one with
// trailers; /close one that ends its connection; /begun how many requests have begun.
import http from "node:http";

const [address, port, keepAlive] = process.argv.slice(2);
let begun = 0;
const server = http.createServer((request, response) => {
  begun += 1;
  const path = request.url.split("?")[0];
  response.setHeader("x-server", "node");
  if (path === "/echo") {
    response.setHeader("x-expect", request.headers.expect ?? "none");
    response.writeHead(200, { trailer: "x-came" });
    request.on("end", () => response.addTrailers({ "x-came": request.trailers["x-sent"] ?? "none" }));
    request.pipe(response);
  } else if (path === "/chunked") {
    for (let piece = 0; piece < 100; piece += 1) response.write(`${piece} `.repeat(piece));
    response.end();
  } else if (path === "/trailers") {
    response.writeHead(200, { trailer: "x-sum" });
    response.write("body");
    response.addTrailers({ "x-sum": "4" });
    response.end();
  } else if (path === "/close") {
    response.writeHead(200, { connection: "close" });
    response.end("bye");
  } else if (path === "/begun") {
    response.end(String(begun));
  } else {
    response.end("ok");
  }
});
server.keepAliveTimeout = Number(keepAlive);
server.listen(Number(port), address);
