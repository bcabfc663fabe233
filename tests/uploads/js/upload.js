// One file through tus-js-client, as a page does it: node upload.js FILE ENDPOINT TOKEN. Prints the upload's address.
import fs from "node:fs";
import { Upload } from "tus-js-client";

const [file, endpoint, token] = process.argv.slice(2);

const upload = new Upload(fs.createReadStream(file), {
  endpoint,
  uploadSize: fs.statSync(file).size,
  headers: { Authorization: `Bearer ${token}` },
  metadata: { title: "Mi mejor triple", filename: "clip.mp4", filetype: "video/mp4" },
  chunkSize: 1024 * 1024,
  retryDelays: Array(200).fill(30), // milliseconds; a page waits longer
  onSuccess: () => console.log(upload.url),
  onError: (error) => {
    console.error(error);
    process.exitCode = 1;
  },
});
upload.start();
