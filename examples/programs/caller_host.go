// Serves `callers` to a mesh and calls it back: Go's standard library alone. See docs/programs.md.
package main

import (
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	http.HandleFunc("/host", func(w http.ResponseWriter, asked *http.Request) {
		url := os.Getenv("GATEWAY") + "/v1/call/host/info?peer=" + asked.Header.Get("Mesh-Peer")
		call, _ := http.NewRequest("POST", url, strings.NewReader("{}"))
		call.Header = http.Header{"Authorization": {"Bearer " + os.Getenv("TOKEN")}, "Content-Type": {"application/json"}}
		reply, err := http.DefaultClient.Do(call)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", reply.Header.Get("Content-Type"))
		w.WriteHeader(reply.StatusCode)
		io.Copy(w, reply.Body)
	})
	panic(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
