// Predict by a client of oapi-codegen, and print what it gives: client MODEL URL ASKED. It is in the folder of the client.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"example.org/callers/generated"
)

type asked struct {
	Row     generated.Row              `json:"row"`
	Tensors generated.InferenceRequest `json:"tensors"`
	Wrong   generated.InferenceRequest `json:"wrong"`
}

func must[T any](found T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return found
}

func main() {
	model, url := os.Args[1], os.Args[2]
	var given asked
	decoder := json.NewDecoder(strings.NewReader(os.Args[3]))
	decoder.DisallowUnknownFields()
	must(0, decoder.Decode(&given))
	client := must(generated.NewClientWithResponses(url))
	ctx := context.Background()

	var row, rows, many generated.RowOrRows
	must(0, row.FromRow(given.Row))
	must(0, rows.FromRows(generated.Rows{given.Row, given.Row}))
	must(0, many.FromRows(generated.Rows{given.Row, given.Row, given.Row}))
	one := must(client.PredictWithResponse(ctx, nil, row)).JSON200
	two := must(client.PredictWithResponse(ctx, nil, rows)).JSON200
	refused := must(client.PredictWithResponse(ctx, nil, many)).JSON413
	instances := must(client.PredictInstancesWithResponse(ctx, generated.PredictInstancesParamsModel(model), nil,
		generated.InstancesRequest{Instances: generated.Rows{given.Row}})).JSON200
	name := generated.InferParamsModel(model)
	inferred := must(client.InferWithResponse(ctx, name, nil, given.Tensors)).JSON200
	wrong := must(client.InferWithResponse(ctx, name, nil, given.Wrong)).JSON400

	outputs := []string{}
	for _, each := range inferred.Outputs {
		outputs = append(outputs, each.Name)
	}
	must(0, json.NewEncoder(os.Stdout).Encode(map[string]any{
		"row":       must(one.Prediction.AsPrediction()),
		"rows":      must(two.Prediction.AsPredictions()),
		"instances": instances.Predictions,
		"outputs":   outputs,
		"refused":   []string{refused.Error.Code, wrong.Error},
	}))
}
