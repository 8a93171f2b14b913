// A model in another language: says which leaf is large, by the Open Inference Protocol (functions/README.md, Other
// languages). Nothing but the standard library is in it.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
)

const largest = 1 << 20 // bytes of a request

type tensor struct {
	Name     string `json:"name"`
	Shape    []int  `json:"shape"`
	Datatype string `json:"datatype"`
	Data     []any  `json:"data,omitempty"`
}

type object map[string]any

func main() {
	modelID, release := os.Getenv("MODEL_ID"), os.Getenv("RELEASE")
	parts := strings.Split(modelID, "/")
	limit, err := strconv.ParseFloat(os.Getenv("LIMIT"), 64)
	if err != nil || len(parts) != 3 {
		fmt.Fprintln(os.Stderr, "LIMIT is no number, or MODEL_ID no model id")
		os.Exit(1)
	}
	name, version := parts[0], parts[2]
	number := func(name string) tensor { return tensor{Name: name, Shape: []int{-1}, Datatype: "FP64"} }

	mux := http.NewServeMux()
	for _, path := range []string{"/v2/health/live", "/v2/health/ready", "/v2/models/" + name + "/ready"} {
		mux.HandleFunc("GET "+path, func(to http.ResponseWriter, _ *http.Request) { answer(to, 200, object{}) })
	}
	mux.HandleFunc("GET /v2", func(to http.ResponseWriter, _ *http.Request) {
		answer(to, 200, object{"name": modelID, "version": release, "extensions": []string{}})
	})
	mux.HandleFunc("GET /v2/models/"+name, func(to http.ResponseWriter, _ *http.Request) {
		answer(to, 200, object{
			"name": name, "versions": []string{version}, "platform": "go",
			"inputs":  []tensor{number("length"), number("width")},
			"outputs": []tensor{{Name: "kind", Shape: []int{-1}, Datatype: "BYTES"}},
		})
	})
	mux.HandleFunc("POST /v2/models/"+name+"/infer", func(to http.ResponseWriter, from *http.Request) {
		kinds, err := predicted(from, limit)
		if err != nil {
			answer(to, 400, object{"error": err.Error()})
			return
		}
		kind := tensor{Name: "kind", Shape: []int{len(kinds)}, Datatype: "BYTES", Data: kinds}
		answer(to, 200, object{"model_name": name, "model_version": version, "outputs": []tensor{kind}})
	})
	if err := http.ListenAndServe(":"+os.Getenv("PORT"), mux); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func predicted(from *http.Request, limit float64) ([]any, error) {
	var body struct {
		Inputs []tensor `json:"inputs"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, from.Body, largest)).Decode(&body); err != nil {
		return nil, err
	}
	inputs := map[string][]any{}
	for _, input := range body.Inputs {
		inputs[input.Name] = input.Data
	}
	lengths, widths := inputs["length"], inputs["width"]
	if len(lengths) == 0 || len(lengths) != len(widths) {
		return nil, fmt.Errorf("length and width are needed, as many of one as of the other")
	}
	kinds := make([]any, len(lengths))
	for row := range lengths {
		length, isNumber := lengths[row].(float64)
		width, areNumbers := widths[row].(float64)
		if !isNumber || !areNumbers {
			return nil, fmt.Errorf("row %d: length and width have to be numbers", row)
		}
		kinds[row] = "small"
		if length*width > limit {
			kinds[row] = "large"
		}
	}
	return kinds, nil
}

func answer(to http.ResponseWriter, status int, content object) {
	to.Header().Set("Content-Type", "application/json")
	to.WriteHeader(status)
	json.NewEncoder(to).Encode(content)
}
