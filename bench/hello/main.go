// The smallest function there can be: what a start from zero costs when nothing but the cluster's own work is in it.
package main

import (
	"net/http"
	"os"
)

func main() {
	answer := func(writer http.ResponseWriter, _ *http.Request) {
		writer.Header().Set("Content-Type", "application/json")
		writer.Write([]byte(`{"status":"ok"}`))
	}
	if err := http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(answer)); err != nil {
		os.Exit(1)
	}
}
