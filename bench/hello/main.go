// A minimal function: its start from zero shows the cost of the cluster's own work.
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
